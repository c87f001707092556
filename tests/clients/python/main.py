"""An MCP client with the Python SDK: a token at hand, client credentials, or a login through discovery with an id that is
known beforehand; with nothing but --url, with a registration of its own, in the browser that BROWSER names.

Prints one line of JSON; the exit code is 0 only if everything was right.
"""

import argparse
import asyncio
import html
import json
import os
import re
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata

NAME = "python"
CALLBACK = "http://127.0.0.1:8976/callback"


class Storage:
    """Keeps tokens for this one run."""

    def __init__(self, client: OAuthClientInformationFull | None = None):
        self.client, self.tokens = client, None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client_info):
        self.client = client_info


class Person:
    """Follows redirects, fills in the login form, and stops where the loopback listener would be."""

    def __init__(self, username: str, password: str):
        self.form = {"username": username, "password": password}
        self.callback = ""

    async def redirected(self, start: str) -> None:
        async with httpx2.AsyncClient(follow_redirects=False) as browser:
            response = await browser.get(start)
            for _ in range(12):
                location = response.headers.get("location")
                if location:
                    location = urljoin(str(response.url), location)
                    if location.startswith(CALLBACK):
                        self.callback = location
                        return
                    response = await browser.get(location)
                    continue
                form = re.search(r'<form[^>]*id="kc-form-login"[^>]*action="([^"]+)"', response.text, re.DOTALL)
                if not form:
                    raise RuntimeError(f"no login form, but {response.status_code}: {response.text[:300]}")
                response = await browser.post(html.unescape(form[1]), data=self.form)
        raise RuntimeError("the login goes round in circles")

    async def called_back(self) -> AuthorizationCodeResult:
        return result(self.callback)


class Browser:
    """The user's own browser, and a listener on loopback to which it comes back."""

    async def begin(self) -> "Browser":
        self.answer = asyncio.get_running_loop().create_future()
        self.server = await asyncio.start_server(self.answered, "127.0.0.1", 0)
        self.callback = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/callback"
        return self

    async def answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        words = (await reader.readline()).split(b" ")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\nThanks.")
        writer.close()
        # Somebody may only have looked whether anybody listens.
        if len(words) > 1 and not self.answer.done():
            self.answer.set_result(words[1].decode())

    async def redirected(self, start: str) -> None:
        await asyncio.create_subprocess_exec(os.environ["BROWSER"], start)

    async def called_back(self) -> AuthorizationCodeResult:
        return result(await self.answer)


def result(callback: str) -> AuthorizationCodeResult:
    query = {name: values[0] for name, values in parse_qs(urlsplit(callback).query).items()}
    if "code" not in query:
        raise RuntimeError(f"the login ended with {query}")
    return AuthorizationCodeResult(code=query["code"], state=query.get("state"), iss=query.get("iss"))


async def authorization(given: argparse.Namespace) -> dict:
    if given.token_file:
        return {"headers": {"authorization": f"Bearer {given.token_file.read_text().strip()}"}}
    if given.client_credentials:
        client_id, secret = given.client_credentials.split(":", 1)
        provider = ClientCredentialsOAuthProvider(
            server_url=given.url, storage=Storage(), client_id=client_id, client_secret=secret
        )
        return {"auth": provider}
    if not given.login:
        browser = await Browser().begin()
        grants = ["authorization_code", "refresh_token"]
        known = {"redirect_uris": [browser.callback], "grant_types": grants, "token_endpoint_auth_method": "none"}
        provider = OAuthClientProvider(
            server_url=given.url,
            client_metadata=OAuthClientMetadata(client_name="mcp-oauth-tests", **known),
            storage=Storage(),
            redirect_handler=browser.redirected,
            callback_handler=browser.called_back,
        )
        return {"auth": provider}
    person = Person(*given.login.split(":", 1))
    known = {"redirect_uris": [CALLBACK], "grant_types": ["authorization_code"], "token_endpoint_auth_method": "none"}
    provider = OAuthClientProvider(
        server_url=given.url,
        client_metadata=OAuthClientMetadata(client_name="mcp-oauth-tests", **known),
        storage=Storage(OAuthClientInformationFull(client_id=given.client_id, **known)),
        redirect_handler=person.redirected,
        callback_handler=person.called_back,
    )
    return {"auth": provider}


async def try_out(given: argparse.Namespace) -> bool:
    """Lists the tools, calls one that takes its time, and one that answers at once."""
    async with (
        httpx2.AsyncClient(timeout=30, **await authorization(given)) as http,
        Client(streamable_http_client(given.url, http_client=http)) as client,
    ):
        names = [tool.name for tool in (await client.list_tools()).tools]
        line = {"client": NAME, "protocol": client.protocol_version, "tools": len(names)}
        if "countdown" in names:
            slow, steps = "countdown", {"steps": 4, "seconds": 2}
            quick, arguments, expected = "add", {"a": 2, "b": 40}, "42"
        else:
            slow, steps = "trigger-long-running-operation", {"steps": 4, "duration": 2}
            quick, arguments, expected = "echo", {"message": "hello"}, "hello"
        if not (given.token_file or given.client_credentials or given.login):
            answer = (await client.call_tool(quick, arguments)).content[0].text
            right = expected in answer
            print(json.dumps(line | {"answer": answer, "right": right}))
            return right
        begun = time.monotonic()
        progress = []

        async def on_progress(*_) -> None:
            progress.append(round((time.monotonic() - begun) * 1000))

        await client.call_tool(slow, steps, progress_callback=on_progress)
        took = round((time.monotonic() - begun) * 1000)
        answer = (await client.call_tool(quick, arguments)).content[0].text
        right = expected in answer and len(progress) == 4 and progress[-1] - progress[0] >= 1000
        line |= {"progress": progress, "took": took, "answer": answer, "right": right}
        print(json.dumps(line))
        return right


def first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--token-file", type=Path)
    for name in ("--login", "--client-id", "--client-credentials"):
        parser.add_argument(name)
    try:
        return 0 if asyncio.run(try_out(parser.parse_args())) else 1
    except Exception as error:
        error = first(error)
        print(json.dumps({"client": NAME, "error": f"{type(error).__name__}: {error}"}))
        return 1


if __name__ == "__main__":
    sys.exit(main())
