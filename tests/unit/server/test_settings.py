"""Settings: which variables are read, and the message about an invalid value."""

import pytest

from pod_diagnoser.server.settings import Endpoints, Settings, SettingsError


@pytest.mark.parametrize(
    ("environment", "port"),
    [
        ({}, 8080),
        ({"PORT": "81"}, 81),
        ({"POD_DIAGNOSER_PORT": "82", "PORT": "81"}, 82),
        ({"POD_DIAGNOSER_PORT": "", "PORT": "81"}, 81),
        ({"POD_DIAGNOSER_PORT": "82", "PORT": "tcp://10.0.0.1:80"}, 82),
        ({"PORT": "65535"}, 65535),
    ],
)
def test_the_port_of_our_own_variable_goes_before_port(
    environment: dict[str, str], port: int
) -> None:
    """An empty variable counts as not set."""
    assert Settings.from_environment(environment).port == port


@pytest.mark.parametrize("port", ["0", "65536", "-1", "1e3", "8_0", " 80", "80.0", "\uff18080"])
def test_a_port_is_ascii_digits(port: str) -> None:
    """The message names the variable and what it may be, never the value."""
    with pytest.raises(SettingsError) as error:
        Settings.from_environment({"POD_DIAGNOSER_PORT": port})
    assert str(error.value) == "POD_DIAGNOSER_PORT must be a port number from 1 to 65535"


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("POD_DIAGNOSER_ENDPOINTS", "all, pods, poddiagnosers"),
        ("POD_DIAGNOSER_LOG_LEVEL", "debug, info, warning, error"),
        ("POD_DIAGNOSER_LOG_FORMAT", "auto, json, console"),
        ("POD_DIAGNOSER_EVIDENCE", "true, false"),
        ("POD_DIAGNOSER_UNAUTHENTICATED", "true, false"),
    ],
)
@pytest.mark.parametrize("value", ["secret", "TRUE", "all ", "1"])
def test_a_word_that_is_not_allowed_is_refused_with_those_that_are(
    name: str, allowed: str, value: str
) -> None:
    """Nothing that resembles one is taken for it."""
    with pytest.raises(SettingsError) as error:
        Settings.from_environment({name: value})
    assert str(error.value) == f"{name} must be one of {allowed}"


def test_only_variables_of_ours_are_read() -> None:
    """No field by its own name, no bound that is not meant to be set, no other spelling."""
    environment = {
        "host": "192.0.2.1",
        "port": "1",
        "max_related": "1",
        "POD_DIAGNOSER_max_related": "1",
        "pod_diagnoser_endpoints": "none",
        "POD_DIAGNOSER_UNKNOWN": "x",
    }
    assert Settings.from_environment(environment) == Settings()


def test_the_constructor_reads_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test is given does not depend on where it runs."""
    monkeypatch.setenv("POD_DIAGNOSER_ENDPOINTS", "pods")
    assert Settings().endpoints is Endpoints.ALL


def test_an_api_server_needs_a_token() -> None:
    """Said of the variables, as a person sets them."""
    with pytest.raises(SettingsError) as error:
        Settings.from_environment({"POD_DIAGNOSER_API_SERVER": "https://api"})
    assert str(error.value) == "POD_DIAGNOSER_API_SERVER needs POD_DIAGNOSER_API_TOKEN_FILE"


def test_another_address_is_checked_again() -> None:
    """A bind option of gunicorn's goes before the settings."""
    assert Settings().listening_on("::1").host == "::1"
    with pytest.raises(SettingsError, match="POD_DIAGNOSER_TOKEN_DIR must name a folder"):
        Settings().listening_on("0.0.0.0")
    told = Settings(unauthenticated=True, plain_http=True, port=81)
    assert told.listening_on("0.0.0.0").port == 81
