"""Options of a migration, spelled as virsh spells them."""

import contextlib
import shlex
import shutil
import subprocess

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit_comparator.virsh_options import _KNOWN, VirshOptionError, parse_virsh_migrate


def parse(text, files=None):
    return parse_virsh_migrate(shlex.split(text), (files or {}).__getitem__)


@pytest.mark.parametrize(
    ("words", "domain", "options"),
    [
        ("", None, ""),
        ("--live --p2p --tunnelled", None, "live: true peer_to_peer: true tunnelled: true"),
        ("web", "web", ""),
        ("web qemu+tls://b/system", "web", "destination_uri: 'qemu+tls://b/system'"),
        ("--domain web --desturi u", "web", "destination_uri: 'u'"),
        ("--desturi u web", "web", "destination_uri: 'u'"),
        ("u --domain=web", "web", "destination_uri: 'u'"),
        (
            "web u m g l d --live",
            "web",
            (
                "destination_uri: 'u' migration_uri: 'm' graphics_uri: 'g' listen_address: 'l' "
                "destination_name: 'd' live: true"
            ),
        ),
        (
            "web --migrateuri m u g",
            "web",
            "migration_uri: 'm' destination_uri: 'u' graphics_uri: 'g'",
        ),
        ("--copy-storage-all", None, "storage_copy: STORAGE_COPY_ALL"),
        ("--copy-storage-inc", None, "storage_copy: STORAGE_COPY_INCREMENTAL"),
        (
            "--copy-storage-inc --copy-storage-all --copy-storage-synchronous-writes",
            None,
            "storage_copy: STORAGE_COPY_ALL storage_copy_synchronous_writes: true",
        ),
        ("--migrate-disks vda,vdb", None, "copied_disks: 'vda' copied_disks: 'vdb'"),
        ("--migrate-disks-detect-zeroes vda", None, "detect_zeroes_disks: 'vda'"),
        ("--disks-port 49153 --disks-uri=tcp://b", None, "disks_port: 49153 disks_uri: 'tcp://b'"),
        ("--bandwidth 100", None, "bandwidth_bytes_per_second: 104857600"),
        ("--postcopy-bandwidth=1", None, "post_copy_bandwidth_bytes_per_second: 1048576"),
        (
            "--available-switchover-bandwidth 1",
            None,
            "switchover_bandwidth_bytes_per_second: 1048576",
        ),
        ("--bandwidth 0x10", None, "bandwidth_bytes_per_second: 16777216"),
        (
            "--live --timeout 30 --timeout-suspend",
            None,
            "live: true timeout_seconds: 30 timeout_action: 'suspend'",
        ),
        (
            "--live --postcopy --timeout=30 --timeout-postcopy",
            None,
            "live: true post_copy: true timeout_seconds: 30 timeout_action: 'postcopy'",
        ),
        (
            "--postcopy --postcopy-after-precopy --postcopy-resume",
            None,
            "post_copy: true post_copy_after_precopy: true post_copy_resume: true",
        ),
        (
            "--auto-converge --auto-converge-initial 20 --auto-converge-increment 10",
            None,
            (
                "auto_converge: true auto_converge_initial_percent: 20 "
                "auto_converge_increment_percent: 10"
            ),
        ),
        (
            "--compressed --comp-methods mt,xbzrle --comp-mt-level 3 --comp-xbzrle-cache 4096",
            None,
            (
                "compressed: true compression_methods: 'mt' compression_methods: 'xbzrle' "
                "tuned_compression_methods: 'mt' tuned_compression_methods: 'xbzrle' "
                "compression_settings: {key: 'mt-level' value: 3} "
                "compression_settings: {key: 'xbzrle-cache' value: 4096}"
            ),
        ),
        ("--parallel --parallel-connections 4", None, "parallel: true parallel_connections: 4"),
        ("--tls --tls-destination b", None, "tls: true tls_destination: 'b'"),
        (
            "--persistent --undefinesource --suspend --unsafe --offline --change-protection",
            None,
            (
                "persistent: true undefine_source: true suspend: true unsafe: true offline: true "
                "change_protection: true"
            ),
        ),
        (
            "--rdma-pin-all --abort-on-error --zerocopy --direct --verbose",
            None,
            "rdma_pin_all: true abort_on_error: true zero_copy: true direct: true",
        ),
        ("--xml new.xml", None, "destination_xml: '<domain/>'"),
        (
            "--persistent --persistent-xml new.xml",
            None,
            "persistent: true persistent_xml: '<domain/>'",
        ),
        ("virsh migrate --live web u", "web", "live: true destination_uri: 'u'"),
        ("virsh -c qemu:///system -q migrate web", "web", ""),
        ("/usr/bin/virsh --connect=qemu:///system migrate --live web", "web", "live: true"),
        ("migrate web", "web", ""),
        ("--live -- web u", "web", "live: true destination_uri: 'u'"),
    ],
)
def test_options(words, domain, options):
    parsed = parse(words, {"new.xml": "<domain/>"})
    assert parsed.domain == domain
    assert parsed.options == text_format.Parse(options, MigrationOptions())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--lvie", "unknown option --lvie, did you mean --live?"),
        ("--tunneled", "unknown option --tunneled, did you mean --tunnelled?"),
        ("--tim 3", "unknown option --tim"),
        ("-x", "unknown option -x"),
        ("-live", "did you mean --live?"),
        ("--live=yes", "option --live takes no value"),
        ("--dname a --dname b", "option --dname is given twice, with different values"),
        ("--xml", "option --xml needs a value"),
        ("--live --timeout x", "option --timeout: 'x' is not a number"),
        ("--live --timeout -1", "option --timeout: '-1' is not a number"),
        ("--disks-port 99999999999", "out of range"),
        ("--live --bandwidth 9007199254740992", "9007199254740992 is out of range"),
        (f"--live --timeout {'9' * 5000}", "a number of 5000 digits is out of range"),
        ("--timeout 3", "option --live is required by option --timeout"),
        ("--live --timeout 3 --timeout-postcopy", "option --postcopy is required"),
        ("--live --offline", "options --live and --offline are mutually exclusive"),
        ("--tls-destination b", "option --tls is required by option --tls-destination"),
        ("--persistent-xml f", "option --persistent is required"),
        ("--postcopy-resume", "option --postcopy is required"),
        ("a b c d e f g", "unexpected word 'g'"),
        ("virsh start web", "only the command `virsh migrate`"),
        ("virsh --bogus migrate web", "unknown option --bogus of virsh"),
    ],
)
def test_what_virsh_refuses(words, message):
    with pytest.raises(VirshOptionError) as caught:
        parse(words, {"f": ""})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.lists(st.sampled_from([*(f"--{each}" for each in _KNOWN), "1", "web", "--", "--x=y"])))
def test_any_words_are_understood_or_refused(words):
    with contextlib.suppress(VirshOptionError):
        assert parse_virsh_migrate(words, lambda path: path).options.IsInitialized()


def test_every_option_of_the_installed_virsh_is_known():
    if shutil.which("virsh") is None:
        pytest.skip("virsh is not installed")
    usage = subprocess.run(
        ["virsh", "migrate", "--help"], capture_output=True, text=True, check=True
    )
    described = usage.stdout.partition("OPTIONS")[2]
    names = {
        word.strip("[]").removeprefix("--")
        for line in described.splitlines()
        for word in line.split()[:1]
        if word.startswith(("--", "[--"))
    }
    assert len(names) > 40
    assert names <= set(_KNOWN)
