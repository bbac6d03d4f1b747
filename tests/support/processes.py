"""Child processes of the tests that cannot outlive them."""


def bounded(*command: str) -> list[str]:
    """The command, run so that the kernel kills it when the thread that started it ends, however that ends."""
    return ["setpriv", "--pdeathsig", "KILL", *command]
