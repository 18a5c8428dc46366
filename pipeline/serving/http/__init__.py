"""The HTTP port: requests and responses, routes, the ASGI application, connections."""
