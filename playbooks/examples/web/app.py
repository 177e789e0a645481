"""The application of the example: it answers with what it is asked by. Put your own in its place (web_source)."""

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

app = Flask(__name__)
# nginx is the one proxy in front: the address and the scheme of the client are those that nginx reports.
app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)


@app.get("/")
def index():
    answer = f"It works. You are {request.remote_addr}, and you asked for {request.url}.\n"
    return answer, {"Content-Type": "text/plain; charset=utf-8"}
