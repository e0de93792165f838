"""Several layers as one configuration: of each key the strongest layer counts that sets it, and then the default."""

from typing import TypeVar

from tocsin.core.config import keys
from tocsin.core.config.configuration import DEFAULT, Configuration, DeliverySettings, GmailSettings, SecretSettings, SlackSettings
from tocsin.core.config.keys import Key
from tocsin.core.config.layers import Layer
from tocsin.core.config.takes import Wrong

_T = TypeVar("_T")


def merge(*layers: Layer) -> Configuration:
    """The configuration that the layers make, the strongest first. A value that its key does not take is as if it were not there.

    >>> from tocsin.core.config.layers import given
    >>> merge(given({"only": ["Failed"]})).only
    frozenset({<class 'tocsin.core.states.Failed'>})
    """
    origins = dict.fromkeys(keys.KEYS, DEFAULT)

    def of(key: Key[_T]) -> _T:
        for layer in layers:
            setting = layer.settings.get(key.name)
            taken = Wrong("it is not set") if setting is None else key.takes.check(setting.value)
            if setting is not None and not isinstance(taken, Wrong):
                origins[key.name] = setting.origin
                return taken
        return key.default

    return Configuration(
        notifiers=of(keys.NOTIFIERS),
        only=of(keys.ONLY),
        ignore=of(keys.IGNORE),
        environment=of(keys.ENVIRONMENT),
        traceback=of(keys.TRACEBACK),
        slack=SlackSettings(
            webhook_secret=of(keys.SLACK_WEBHOOK_SECRET),
            token_secret=of(keys.SLACK_TOKEN_SECRET),
            channel=of(keys.SLACK_CHANNEL),
            title_link=of(keys.SLACK_TITLE_LINK),
            only=of(keys.SLACK_ONLY),
            ignore=of(keys.SLACK_IGNORE),
            connect_timeout=of(keys.SLACK_CONNECT),
            read_timeout=of(keys.SLACK_READ),
            deadline=of(keys.SLACK_DEADLINE),
            allowed_hosts=of(keys.SLACK_HOSTS),
            ca_bundle=of(keys.SLACK_BUNDLE),
            proxies=of(keys.SLACK_PROXIES),
        ),
        gmail=GmailSettings(
            to=of(keys.GMAIL_TO),
            cc=of(keys.GMAIL_CC),
            only=of(keys.GMAIL_ONLY),
            ignore=of(keys.GMAIL_IGNORE),
            host=of(keys.GMAIL_HOST),
            port=of(keys.GMAIL_PORT),
            ca_bundle=of(keys.GMAIL_BUNDLE),
            connect_timeout=of(keys.GMAIL_CONNECT),
            read_timeout=of(keys.GMAIL_READ),
            deadline=of(keys.GMAIL_DEADLINE),
            daily=of(keys.GMAIL_DAILY),
        ),
        delivery=DeliverySettings(
            patience=of(keys.DELIVERY_PATIENCE),
            attempts=of(keys.DELIVERY_ATTEMPTS),
            retry_for=of(keys.DELIVERY_RETRY_FOR),
            queue=of(keys.DELIVERY_QUEUE),
            fallback=of(keys.DELIVERY_FALLBACK),
            outbox=of(keys.DELIVERY_OUTBOX),
            outbox_secret=of(keys.DELIVERY_OUTBOX_SECRET),
        ),
        secrets=SecretSettings(names=of(keys.SECRETS_NAMES), keyring=of(keys.SECRETS_KEYRING)),
        origins=origins,
    )
