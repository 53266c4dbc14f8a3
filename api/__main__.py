"""The web process: `python -m api`."""

import gc

import uvicorn

from api.app import create_app
from portal import logs
from portal.settings import Settings


def main() -> None:
    settings = Settings()  # from the environment
    logs.configure(settings.log_level)
    app = create_app(settings)
    # What starting has made stays: each full collection would walk it again, for 100 ms without an answer.
    gc.collect()
    gc.freeze()
    uvicorn.run(
        app,
        host=settings.api_host,
        port=settings.api_port,
        # Not uvloop: it forks for the child that rebuilds a picture, and every page of this process is then copied
        # at its next use. psycopg, which most of a page's time goes through, is no faster on it.
        loop="asyncio",
        # Addresses of pages may hold tokens: our own line names the route instead.
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxy),
        forwarded_allow_ips=settings.trusted_proxy or None,
        timeout_graceful_shutdown=10,
        log_level=settings.log_level.lower(),
        # As configured above.
        log_config=None,
    )


if __name__ == "__main__":
    main()
