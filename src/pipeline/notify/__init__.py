"""Mails about runs: what they say (pure) and how they leave, so that no alarm is lost while the mail server is down.

Rules, verdicts and figures are made elsewhere; this package only reads verdict files to say since when a rule is broken.
"""

from pipeline.notify.alarms import report_crash, report_delay, report_publication, report_quality_stop
from pipeline.notify.history import broken_since
from pipeline.notify.messages import Crash, Found, Message, Streak, crash_mail, delay_mail, digest_mail, quality_mail
from pipeline.notify.outbox import Flushed, deliver, flush, queued

__all__ = [
    "Crash",
    "Flushed",
    "Found",
    "Message",
    "Streak",
    "broken_since",
    "crash_mail",
    "delay_mail",
    "deliver",
    "digest_mail",
    "flush",
    "quality_mail",
    "queued",
    "report_crash",
    "report_delay",
    "report_publication",
    "report_quality_stop",
]
