"""The server's side of the line between a page and its kernel, without the wait that TCP adds to small messages."""

from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):
    """A kernel's websocket that sends each message at once: with Nagle's algorithm a widget waits some 40 ms for it.

    Named in lab_config/jupyter_server_config.json.
    """

    def connect(self) -> Any:
        """Switch Nagle's algorithm off, then connect as ever."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()
