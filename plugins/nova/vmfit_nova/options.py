"""What nova.conf says in its section [vmfit]."""

from collections.abc import Sequence

from oslo_config import cfg

GROUP = "vmfit"

OPTIONS = [
    cfg.StrOpt(
        "server",
        default="localhost",
        help='The comparator: "host", "host:port" or "unix:PATH".',
    ),
    cfg.StrOpt(
        "certificate",
        help="A PEM file with a certificate that has the role check. Without it libvirt's files "
        "below /etc/pki are taken.",
    ),
    cfg.StrOpt("private_key", help="A PEM file with the certificate's key."),
    cfg.StrOpt("authority", help="A PEM file with the authority that signed the comparator's."),
    cfg.BoolOpt("insecure", default=False, help="Plain text over the network."),
    cfg.IntOpt(
        "deadline_milliseconds",
        default=200,
        min=1,
        help="What one scheduling request waits for the comparator at most.",
    ),
    cfg.BoolOpt(
        "fail_open",
        default=True,
        help="Whether hosts that the comparator has no answer about pass.",
    ),
    cfg.StrOpt("policy", default="", help="A policy of the comparator; empty for its default."),
    cfg.StrOpt(
        "block_migration",
        default="auto",
        choices=("auto", "always", "never"),
        help="Whether disks are copied; auto copies them to hosts that do not share them, as nova "
        "does.",
    ),
    cfg.FloatOpt(
        "weight_multiplier",
        default=1.0,
        help="How much the comparator's score counts beside nova's other weights.",
    ),
]


def registered(conf: cfg.ConfigOpts) -> cfg.ConfigOpts.GroupAttr:
    """Return the section's values, whether or not it was asked for before."""
    conf.register_opts(OPTIONS, group=GROUP)
    return conf[GROUP]


def listed() -> Sequence[tuple[str, Sequence[cfg.Opt]]]:
    """Return the options for oslo-config-generator."""
    return [(GROUP, OPTIONS)]
