-- How many builds have each status is asked by whoever watches Berth, every few seconds: this answers it.
CREATE INDEX build_status ON build (status);
