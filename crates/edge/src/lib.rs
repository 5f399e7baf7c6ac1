//! Host → site → static file: the web server of every site, over plain http types.
