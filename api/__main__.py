"""The web process: `python -m api`."""

import uvicorn

from api.app import create_app
from portal.settings import Settings


def main() -> None:
    settings = Settings()  # from the environment
    uvicorn.run(
        create_app(settings),
        host=settings.api_host,
        port=settings.api_port,
        # Addresses of pages may hold tokens: our own line names the route instead.
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxy),
        forwarded_allow_ips=settings.trusted_proxy or None,
        timeout_graceful_shutdown=10,
        log_level=settings.log_level.lower(),
    )


if __name__ == "__main__":
    main()
