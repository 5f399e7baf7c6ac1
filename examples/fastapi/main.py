"""A service of FastAPI; Berth finds the application, starts it with uvicorn and says where it listens."""

from fastapi import FastAPI

app = FastAPI(title="Berth example: FastAPI")


@app.get("/")
def tides() -> dict[str, list[str]]:
    return {"tides": ["low", "high"]}


@app.get("/add")
def add(one: int, other: int) -> dict[str, int]:
    return {"sum": one + other}
