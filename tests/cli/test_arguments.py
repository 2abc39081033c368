"""Argument lists are read as kube-apiserver reads them."""

from __future__ import annotations

import pytest

from watchcache.cli.arguments import from_config, from_environment, settings_of, split
from watchcache.cli.flags import HONOURED, known, parse, shown_default
from watchcache.cli.help import serve_help
from watchcache.settings import Settings, SettingsProblem


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--secure-port=7", {"secure-port": "7"}),
        ("--secure-port 7", {"secure-port": "7"}),
        ("-v=4", {"v": "4"}),
        ("-v 4", {"v": "4"}),
        ("-v4", {"v": "4"}),
        ("--v 4", {"v": "4"}),
        ("--disable-http2-serving --v 1", {"disable-http2-serving": "true", "v": "1"}),
        ("--disable-http2-serving=false", {"disable-http2-serving": "false"}),
        ("--secure-port=1 --secure-port=2", {"secure-port": "2"}),
        ("--tls-cipher-suites=a,b --tls-cipher-suites=c", {"tls-cipher-suites": "a,b,c"}),
        ("--allow-privileged --v 1", {"allow-privileged": "true", "v": "1"}),
    ],
)
def test_flags_are_written_the_ways_pflag_takes(line: str, expected: dict[str, str]):
    """Equals sign, next word, lone booleans, the short form of v, and repeated flags mean what they mean to Go's pflag."""
    assert split(line.split()) == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--secure-prot=1", "unknown flag: --secure-prot; did you mean --secure-port?"),
        ("--qqqqqqqqq", "unknown flag: --qqqqqqqqq; see `watchcache serve --help`"),
        ("--secure-port", "--secure-port needs a value"),
        ("serve", '"serve" belongs to no flag; see `watchcache serve --help`'),
    ],
)
def test_a_wrong_line_says_what_is_wrong(line: str, message: str):
    """An unknown flag names the nearest one there is; nothing is silently dropped."""
    with pytest.raises(SettingsProblem) as caught:
        split(line.split())
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"secure-port": "x"}, '--secure-port: "x" is not a whole number'),
        (
            {"secure-port": "-1"},
            "--secure-port: -1 is not a port; it must be between 0 (a free one) and 65535",
        ),
        ({"bind-address": "here"}, '--bind-address: "here" is not an IP address'),
        (
            {"event-ttl": "1 hour"},
            '--event-ttl: "1 hour" is not a duration; write it like 1h30m, 90s or 500ms',
        ),
        ({"storage-backend": "etcd2"}, '--storage-backend: "etcd2" is none of memory, file, etcd3'),
        ({"disable-http2-serving": "yes"}, '--disable-http2-serving: "yes" is neither true nor false'),
        (
            {"watchcache-history-bytes": "lots"},
            '--watchcache-history-bytes: "lots" is not a size; write it like 512Mi or 2Gi',
        ),
        (
            {"service-cluster-ip-range": "10"},
            '--service-cluster-ip-range: "10" is not a network; write it like 10.0.0.0/24',
        ),
    ],
)
def test_a_wrong_value_names_the_flag(flags: dict[str, str], message: str):
    """A value that cannot be is refused with the flag's name and how to write it."""
    with pytest.raises(SettingsProblem) as caught:
        settings_of(flags)
    assert str(caught.value) == message


def test_later_layers_win():
    """The command line wins over the environment, which wins over the file."""
    settings, warnings = settings_of({"secure-port": "1", "v": "1"}, {"secure-port": "2"})
    assert (settings.secure_port, settings.verbosity, warnings) == (2, 1, [])


def test_flags_without_effect_are_named_once():
    """Flags of kube-apiserver that we do not honour are accepted and named in one warning; matching values are not."""
    _, warnings = settings_of(
        {"etcd-count-metric-poll-period": "3s", "authorization-config": "x", "allow-privileged": "true"}
    )
    assert warnings == [
        "accepted, but without effect here: --authorization-config --etcd-count-metric-poll-period"
    ]


def test_the_environment_sets_flags():
    """WATCHCACHE_ and the flag's name in capitals, our own prefix left out."""
    environment = {"WATCHCACHE_SECURE_PORT": "0", "WATCHCACHE_DATA_DIR": "/d", "HOME": "/h"}
    assert from_environment(environment) == {"secure-port": "0", "watchcache-data-dir": "/d"}


def test_a_configuration_file_sets_flags():
    """Values are written as YAML would have them."""
    document = {
        "apiVersion": "watchcache.dev/v1alpha1",
        "kind": "ServerConfiguration",
        "flags": {"secure-port": 0, "disable-http2-serving": True, "tls-cipher-suites": ["a", "b"]},
    }
    expected = {"secure-port": "0", "disable-http2-serving": "true", "tls-cipher-suites": "a,b"}
    assert from_config(document, "f") == expected


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"kind": "ServerConfiguration"},
        {"apiVersion": "watchcache.dev/v1alpha1", "kind": "ServerConfiguration", "secure-port": 1},
        {"apiVersion": "watchcache.dev/v1alpha1", "kind": "ServerConfiguration", "flags": []},
        {
            "apiVersion": "watchcache.dev/v1alpha1",
            "kind": "ServerConfiguration",
            "flags": {"nonsense-flag": 1},
        },
    ],
)
def test_a_wrong_configuration_file_is_refused(document: object):
    """Another kind of document, unknown fields and unknown flags are named, not skipped."""
    with pytest.raises(SettingsProblem):
        from_config(document, "f")


@pytest.mark.parametrize("flag", HONOURED, ids=lambda flag: flag.name)
def test_each_honoured_flag_stands_in_the_help_and_takes_its_default(flag):
    """Every flag has help, an attribute of Settings, and a default that its own parser takes back."""
    settings = Settings()
    assert hasattr(settings, flag.attribute)
    assert f"-{flag.name}" in serve_help()
    default = shown_default(flag, settings)
    if default and "~" not in default:
        assert parse(flag, default) == getattr(settings, flag.attribute)


def test_honoured_flags_without_our_prefix_are_kube_apiservers():
    """Our own flags start with --watchcache- or are named after k3s' (--write-kubeconfig), so that no argument list collides."""
    ours = {flag.name for flag in HONOURED} - set(known())
    assert {name for name in ours if not name.startswith("watchcache-")} == {"write-kubeconfig"}
