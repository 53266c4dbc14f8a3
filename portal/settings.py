"""The only reader of the environment."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from portal.rules.decisions import Deciding


class Settings(BaseSettings):
    """Every setting of the three processes; secrets have no default."""

    model_config = SettingsConfigDict(env_prefix="PORTAL_", frozen=True, extra="ignore", populate_by_name=True)

    origin: str = Field(description="address of the portal as members type it; every link in a mail starts with it")
    database_url: SecretStr = Field(description="PostgreSQL of this process, postgresql+psycopg://role@host/name")
    secret: SecretStr = Field(
        min_length=32, description="signs one-time links; changing it voids every link not yet used"
    )
    key_folder: Path = Field(
        description="daily keys of identity documents; shared by api and worker, never in a backup"
    )

    temporal_address: str = Field(
        "127.0.0.1:7233", validation_alias="TEMPORAL_ADDRESS", description="host:port of Temporal"
    )
    temporal_namespace: str = Field(
        "default", validation_alias="TEMPORAL_NAMESPACE", description="namespace in Temporal"
    )
    temporal_ui: str = Field("http://127.0.0.1:8233", description="address of the Temporal UI, for operators' links")

    s3_endpoint: str = Field("127.0.0.1:9000", description="host:port of the S3 server")
    s3_access_key: str = Field(
        description="may put, get, delete, list (with versions) and read versioning and lock of the one bucket"
    )
    s3_secret_key: SecretStr = Field(description="the secret of that key")
    s3_bucket: str = Field(
        "identity", description="bucket of identity documents: no versioning, no object lock, no backup"
    )
    s3_region: str = Field("ca-central-1", description="region, sent with every request")
    s3_secure: bool = Field(True, description="speak TLS to the S3 server")

    smtp_host: str = Field("127.0.0.1", description="the union's mail server")
    smtp_port: int = Field(587, description="its port")
    smtp_username: str = Field("", description="empty: no authentication")
    smtp_password: SecretStr = Field(SecretStr(""), description="the password of that name")
    smtp_starttls: bool = Field(True, description="refuse a server that does not offer STARTTLS")
    mail_from: str = Field("Portail des membres <portail@scrutin.invalid>", description="sender of every mail")
    mail_from_notices: str = Field("", description="sender of notices to everybody and of reminders; empty: the same")
    mail_bounces: str = Field(
        "", description="where reports of delivery go, as bounces+<mail>@domain for bounces@domain; empty: the sender"
    )
    mail_reply_to: str = Field("aide@scrutin.invalid", description="a manned box")

    api_host: str = Field("127.0.0.1", description="address the pages listen on")
    api_port: int = Field(8000, description="its port")
    trusted_proxy: str = Field("", description="address of the proxy whose X-Forwarded-For is believed; empty: none")
    answer_seconds: float = Field(4.0, description="how long a page waits for a workflow before it says «not yet»")
    password_min_length: int = Field(15, description="NIST SP 800-63B-4 §3.1.1.2 for a password alone")
    identity_valid_days: int = Field(3 * 365, description="how long a confirmed identity serves later campaigns")

    undo_seconds: float = Field(30, ge=0, description="how long a reviewer may take an opinion back")
    second_look_percent: float = Field(5, ge=0, le=100, description="share of cases that a second reviewer sees blind")

    quiet_from: int = Field(21, ge=0, le=23, description="local hour from which no mail leaves unasked")
    quiet_until: int = Field(
        7, ge=0, le=23, description="local hour until which none does; same as quiet_from: never quiet"
    )
    notice_spread_minutes: int = Field(30, ge=0, description="over how long a notice to everybody is spread")

    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING")

    @property
    def deciding(self) -> Deciding:
        """How opinions of reviewers are weighed."""
        return Deciding(
            self.secret.get_secret_value().encode(),
            self.second_look_percent / 100,
            timedelta(seconds=self.undo_seconds),
        )

    @property
    def notice_spread(self) -> timedelta:
        return timedelta(minutes=self.notice_spread_minutes)
