"""The initiator, its sessions and its node records; never a secret."""

from hypothesis import given
from hypothesis import strategies as st

from tests.agent.device_tree import make_host
from vmfit_agent.collectors.iscsi import collect, parse_initiator_name, parse_record, portal_name

TARGET = "iqn.2026-01.org.example:t"
INITIATOR = "## comment\n#InitiatorName=no\nInitiatorName=iqn.a:b \n"
RECORD = """# BEGIN RECORD 2.1.8
node.name = iqn.2026-01.org.example:t
node.startup = automatic
iface.iscsi_ifacename = default
node.session.auth.authmethod = CHAP
node.session.auth.username = hunter
node.session.auth.password = hunter2
node.session.auth.username_in = <empty>
# END RECORD
"""


def test_a_session_with_units_and_portal(tmp_path):
    device = "sys/devices/platform/host9/session4"
    base = "sys/class/iscsi_session/session4"
    connection = "sys/class/iscsi_connection"
    host = make_host(
        tmp_path,
        {
            "etc/iscsi/initiatorname.iscsi": INITIATOR,
            f"{base}/targetname": f"{TARGET}\n",
            f"{base}/state": "LOGGED_IN\n",
            f"{base}/initiatorname": "iqn.a:b\n",
            f"{base}/device": "-> ../../../devices/platform/host9/session4",
            f"{device}/target9:0:0/9:0:0:10/block/sdc/dev": "8:32\n",
            f"{device}/target9:0:0/9:0:0:2/block/sdb/dev": "8:16\n",
            f"{device}/target9:0:0/9:0:0:0/type": "12\n",
            f"{device}/power/control": "auto\n",
            f"{connection}/connection4:0/persistent_address": "2001:db8::1\n",
            f"{connection}/connection4:0/persistent_port": "3260\n",
            f"{connection}/connection44:0/persistent_address": "192.0.2.44\n",
        },
    )
    part = collect(host)
    assert part.initiator_name == "iqn.a:b"
    (session,) = part.sessions
    assert (session.target_name, session.state) == (TARGET, "LOGGED_IN")
    assert session.portal == "[2001:db8::1]:3260"
    assert session.initiator_name == "iqn.a:b"
    assert [(each.lun, each.device) for each in session.luns] == [(0, ""), (2, "sdb"), (10, "sdc")]
    assert not session.luns[0].HasField("device")


def test_node_records_tell_all_but_secrets(tmp_path):
    nodes = f"etc/iscsi/nodes/{TARGET}"
    host = make_host(
        tmp_path,
        {
            f"{nodes}/192.0.2.1,3260,1/default": RECORD,
            f"{nodes}/192.0.2.1,3260,1/eth1": RECORD.replace("default", "eth1").replace(
                "hunter", ""
            ),
            f"{nodes}/notes.txt": RECORD,
            "var/lib/iscsi/nodes/iqn.old/2001:db8::2,3261": "node.startup = manual\n",
        },
    )
    part = collect(host)
    assert not part.HasField("initiator_name")
    rows = [(n.target_name, n.portal, n.interface, n.startup, n.auth_method) for n in part.nodes]
    assert rows == [
        (TARGET, "192.0.2.1:3260", "default", "automatic", "CHAP"),
        (TARGET, "192.0.2.1:3260", "eth1", "automatic", "CHAP"),
        ("iqn.old", "[2001:db8::2]:3261", "", "manual", ""),
    ]
    assert [node.credentials_set for node in part.nodes] == [True, True, False]
    assert b"hunter" not in part.SerializeToString()


def test_credentials_that_are_not_set(tmp_path):
    record = RECORD.replace("= hunter2", "= <empty>").replace("= hunter", "=")
    host = make_host(tmp_path, {f"etc/iscsi/nodes/{TARGET}/192.0.2.1,3260,1/default": record})
    (node,) = collect(host).nodes
    assert not node.credentials_set


def test_a_host_without_open_iscsi_has_an_empty_part(tmp_path):
    part = collect(make_host(tmp_path, {}))
    assert not part.ByteSize()


def test_portal_names():
    assert portal_name("192.0.2.1", "3260") == "192.0.2.1:3260"
    assert portal_name("[2001:db8::1]", "3260") == "[2001:db8::1]:3260"


def test_the_first_initiator_name_counts():
    assert parse_initiator_name("x\n InitiatorName = iqn.a\nInitiatorName=iqn.b") == "iqn.a"
    assert parse_initiator_name("InitiatorName=\n") is None


keys = st.from_regex(r"[a-z][a-z_.\[\]0-9]*", fullmatch=True)
values = st.from_regex(r"[A-Za-z0-9<>./:=-]+", fullmatch=True).filter(lambda v: v != "<empty>")


@given(st.dictionaries(keys, values))
def test_a_record_reads_as_written(settings):
    text = "# BEGIN RECORD\n" + "".join(f"{key} = {value}\n" for key, value in settings.items())
    assert parse_record(text) == settings


@given(st.text())
def test_any_text_is_a_record(text):
    assert "<empty>" not in parse_record(text).values()
