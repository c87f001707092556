"""An MCP client with FastMCP and the OAuth that it brings: it registers itself, opens a browser (the one that BROWSER names)
and listens for the answer.

Prints one line of JSON; the exit code is 0 only if everything was right.
"""

import argparse
import asyncio
import json
import sys

from fastmcp import Client

NAME = "fastmcp"


async def try_out(url: str) -> bool:
    """Lists the tools, and calls one that answers at once."""
    async with Client(url, auth="oauth") as client:
        names = [tool.name for tool in await client.list_tools()]
        call, expected = ("add", {"a": 2, "b": 40}), "42"
        if "add" not in names:
            call, expected = ("echo", {"message": "hello"}), "hello"
        answer = (await client.call_tool(*call)).content[0].text
        right = expected in answer
        print(json.dumps({"client": NAME, "tools": len(names), "answer": answer, "right": right}))
        return right


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    try:
        return 0 if asyncio.run(try_out(parser.parse_args().url)) else 1
    except Exception as error:
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        print(json.dumps({"client": NAME, "error": f"{type(error).__name__}: {error}"}))
        return 1


if __name__ == "__main__":
    sys.exit(main())
