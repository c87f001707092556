"""A small MCP server as many are written: FastMCP, two tools, streamable HTTP, nothing of OAuth."""

import asyncio
import os

from fastmcp import Context, FastMCP

mcp = FastMCP("fastmcp")


@mcp.tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@mcp.tool
async def countdown(context: Context, steps: int = 4, seconds: float = 2) -> str:
    """Count down, and report every step."""
    for step in range(1, steps + 1):
        await asyncio.sleep(seconds / steps)
        await context.report_progress(step, steps)
    return "done"


if __name__ == "__main__":
    mcp.run(
        transport="http",
        host=os.environ.get("HOST", "127.0.0.1"),
        port=int(os.environ.get("PORT", "8000")),
        path="/mcp",
        show_banner=False,
    )
