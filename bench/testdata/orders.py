# The application of testdata/orders with Flask, under Werkzeug's debugger.
import importlib.metadata
import os
import platform
import socket
import threading

from flask import Flask
from werkzeug.debug import DebuggedApplication
from werkzeug.serving import run_simple


def hold(address):
    host, port = address.rsplit(":", 1)
    conn = socket.create_connection((host, int(port)))

    def until_let_go():
        try:
            while conn.recv(1024):
                pass
        finally:
            os._exit(0)

    threading.Thread(target=until_let_go, daemon=True).start()


class Order:
    def __init__(self, id):
        self.id = id
        self.customer = {"name": f"Customer {id}", "address": {"street": f"Long Street {id}", "town": "Springfield"}}
        self.lines = [{"article": f"article-{id}-{i}", "count": i + 1, "price": {"cents": 100 * (i + 1)}} for i in range(4)]

    def total(self):
        return sum(line["count"] * line["price"]["cents"] for line in self.lines if line["price"])


orders = {id: Order(id) for id in range(1, 101)}
orders[7].lines[2]["price"] = None
app = Flask("orders")
app.debug = True


@app.get("/ok")
def ok():
    return {"ok": True}


@app.get("/about")
def about():
    version = importlib.metadata.version
    return {"name": f"Werkzeug {version('werkzeug')}, Flask {version('flask')}, Python {platform.python_version()}"}


@app.get("/bill/<int:id>")
def bill(id):
    return charge(orders[id])


def charge(order):
    return {"lines": [describe(order, number, line) for number, line in enumerate(order.lines)]}


def describe(order, number, line):
    customer = order.customer["name"]
    cents = cost_of(order, line, line["count"])
    return f"{number + 1}. {line['count']} {line['article']} for {customer}: {cents}"


def cost_of(order, line, count):
    discount = 5 if order.id % 10 == 0 else 0
    return count * line["price"]["cents"] * (100 - discount) // 100


if __name__ == "__main__":
    hold(os.environ["BENCH_LEASH"])
    host, port = os.environ["LISTEN"].rsplit(":", 1)
    # Nobody but the benchmark knows the port and the secret that each page has; asking for the PIN is left out.
    run_simple(host, int(port), DebuggedApplication(app, evalex=True, pin_security=False), threaded=True)
