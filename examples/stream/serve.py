"""A stand-in for a server with a stream: sends a message to each connection, and then ends it."""

from http.server import BaseHTTPRequestHandler, HTTPServer


class Stream(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b"id: 1\ndata: hello\n\n")


HTTPServer(("127.0.0.1", 8000), Stream).serve_forever()
