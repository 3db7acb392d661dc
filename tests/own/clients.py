"""Clients that ask without a pause, over connections of their own, and keep what they got."""

import contextlib
import http.client
import json
import threading


class Clients:
    """What some clients got: labels by version, and everything that went wrong."""

    def __init__(self):
        self.answers, self.failures = {}, []
        self.over = threading.Event()

    def ask(self, port, headers, texts):
        """Asks about the texts in turn until it is over."""
        connection, number = http.client.HTTPConnection("127.0.0.1", port, timeout=30), 0
        while not self.over.is_set():
            text, number = texts[number % len(texts)], number + 1
            try:
                connection.request("POST", "/predict", json.dumps({"inputs": [text]}), headers)
                answer = connection.getresponse()
                content = json.loads(answer.read())
            except (OSError, ValueError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
                continue
            if answer.status != 200:
                self.failures.append((answer.status, content))
                continue
            label = content["predictions"][0]["label"]
            self.answers.setdefault(content["model"]["version"], set()).add((text, label))

    @property
    def asked_of(self):
        return set(self.answers)


@contextlib.contextmanager
def asking(server, headers, texts, count=4):
    """Clients that ask until the block ends."""
    clients = Clients()
    threads = [
        threading.Thread(target=clients.ask, args=(server.port, headers, texts), daemon=True)
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    try:
        yield clients
    finally:
        clients.over.set()
        for thread in threads:
            thread.join()
