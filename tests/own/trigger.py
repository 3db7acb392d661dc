"""A tracker that acts inside the training: it calls what a test wants at certain steps."""

inline = True
AT = {}
"""What to call when this step is logged."""


class Trigger:
    def start(self, run, config, facts):
        act = AT.pop("start", None)
        if act:
            act(run)
        return {}

    def log(self, metrics, *, step):
        act = AT.pop(step, None)
        if act:
            act()

    def finish(self, status, summary):
        AT.clear()


def create(config):
    return Trigger()
