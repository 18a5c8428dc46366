"""The HTTP port: requests and answers, routes, the ASGI application, connections."""
