"""What the gateway takes from its environment."""

import ipaddress
from dataclasses import dataclass

from chassis.settings import SettingsError, variable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Settings:
    """One field a variable, named as the field in upper case."""

    auth_url: str = variable("Where auth answers, without a path: http://host:port.")
    ivr_url: str = variable("Where ivr answers.")
    linewatch_url: str = variable("Where linewatch answers.")
    bulkforward_url: str = variable("Where bulkforward answers.")
    voicewarp_url: str = variable("Where voicewarp answers.")
    notify_url: str = variable("Where notify answers.")
    faxstore_url: str = variable("Where faxstore answers.")
    log_level: str = variable("Least level of log lines: debug, info, warning or error.", default="info")
    trusted_proxies: tuple[str, ...] = variable(
        "Addresses or networks (10.1.0.0/16) of proxies in front whose X-Forwarded-For is believed; from others it "
        "is dropped.",
        default=(),
    )
    service_seconds: float = variable("How long a service may take to begin its answer.", default=30.0)

    site_url: str = variable(
        "Where browsers reach the site. With https:// its cookies are bound to https and to this very host.",
        default="http://127.0.0.1:8080",
    )
    demo_file: str = variable(
        "File of the embedded stack (mode 600) with the telephone's key. It makes the demo's telephone, on which "
        "anyone sets anyone's password. Without effect where SITE_URL is https.",
        default="",
    )

    @property
    def proxies(self) -> tuple[Network, ...]:
        """SettingsError when one is no address and no network."""
        try:
            return tuple(ipaddress.ip_network(one) for one in self.trusted_proxies)
        except ValueError as problem:
            raise SettingsError([f"TRUSTED_PROXIES: {problem}"]) from None

    @property
    def services(self) -> dict[str, str]:
        """URL by name of service, in the order in which the documentation lists them."""
        return {
            "auth": self.auth_url,
            "ivr": self.ivr_url,
            "linewatch": self.linewatch_url,
            "bulkforward": self.bulkforward_url,
            "voicewarp": self.voicewarp_url,
            "notify": self.notify_url,
            "faxstore": self.faxstore_url,
        }
