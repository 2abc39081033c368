"""The serving host: HTTP/1.1 and HTTP/2, in clear or over TLS, on trio, with synchronous sends."""
