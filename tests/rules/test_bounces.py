"""Reports of delivery as Postfix, Exchange and Gmail write them; and everything that is none."""

from email.message import EmailMessage
from uuid import UUID, uuid4

import pytest

from activities.mail import message_id
from portal.rules.bounces import LONGEST, Bounce, blames_recipient, read, return_path

MAIL = UUID("0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f1")
OURS = return_path("bounces@portail.exemple.test", MAIL)
KEY = "verification:1"
MESSAGE_ID = message_id(KEY, "portail.exemple.test")
WHO = "marguerite@exemple.test"

POSTFIX = f"""\
Return-Path: <>
To: {OURS}
From: MAILER-DAEMON@relais.exemple.test (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="AAA.1/relais.exemple.test"

This is a MIME-encapsulated message.

--AAA.1/relais.exemple.test
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--AAA.1/relais.exemple.test
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relais.exemple.test
X-Postfix-Queue-ID: 4Tq1
Arrival-Date: Mon, 20 Feb 2017 08:00:00 -0500 (EST)

Final-Recipient: rfc822; {WHO}
Original-Recipient: rfc822;{WHO}
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.exemple.test
Diagnostic-Code: smtp; 550 5.1.1 <{WHO}>: Recipient address rejected: User unknown

--AAA.1/relais.exemple.test
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

Return-Path: <{OURS}>
To: {WHO}
Subject: Confirmez votre courriel
Message-ID: {MESSAGE_ID}

--AAA.1/relais.exemple.test--
"""

# Exchange Online gives back the mail itself, and speaks of the address in capitals.
EXCHANGE = f"""\
From: Microsoft Outlook <postmaster@exemple.onmicrosoft.test>
To: <{OURS}>
Subject: Undeliverable: Confirmez votre courriel
Content-Type: multipart/report; report-type=delivery-status; boundary="_x_"
MIME-Version: 1.0

--_x_
Content-Type: multipart/alternative; boundary="_y_"

--_y_
Content-Type: text/plain; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

Your message to marguerite couldn't be delivered.=20
--_y_
Content-Type: text/html; charset="us-ascii"

<p>Your message couldn't be delivered.</p>
--_y_--

--_x_
Content-Type: message/delivery-status

Reporting-MTA: dns;EX01.exemple.test
Received-From-MTA: dns;relais.exemple.test

Final-Recipient: rfc822;{WHO.upper()}
Action: failed
Status: 5.7.1
Diagnostic-Code: smtp;550 5.7.1 RESOLVER.RST.AuthRequired

--_x_
Content-Type: message/rfc822

To: {WHO}
Subject: Confirmez votre courriel
Message-ID: {MESSAGE_ID}
Content-Type: text/plain

Bonjour,
--_x_--
"""

GMAIL = f"""\
Delivered-To: {OURS}
From: Mail Delivery Subsystem <mailer-daemon@googlemail.test>
To: {OURS}
Auto-Submitted: auto-replied
Subject: Delivery Status Notification (Failure)
X-Failed-Recipients: {WHO}
Content-Type: multipart/report; boundary="0000"; report-type=delivery-status

--0000
Content-Type: multipart/related; boundary="0001"

--0001
Content-Type: text/plain; charset="UTF-8"

** Address not found **
--0001--
--0000
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.test
Arrival-Date: Mon, 20 Feb 2017 05:00:00 -0800 (PST)
X-Original-Message-ID: {MESSAGE_ID}

Final-Recipient: rfc822; {WHO}
Action: failed
Status: 5.2.1
Diagnostic-Code: smtp; 550-5.2.1 The email account that you tried to reach is disabled.
Last-Attempt-Date: Mon, 20 Feb 2017 05:00:01 -0800 (PST)

--0000
Content-Type: message/rfc822

Message-ID: {MESSAGE_ID}
To: {WHO}

--0000--
"""

DELAYED = POSTFIX.replace("Action: failed", "Action: delayed").replace("Status: 5.1.1", "Status: 4.4.1")
GIVEN_UP = POSTFIX.replace("Status: 5.1.1", "Status: 4.4.7")
# Sent to the plain sender: only the headers that came back say which mail it was.
WITHOUT_PATH = POSTFIX.replace(OURS, "portail@portail.exemple.test")

VACATION = f"""\
From: {WHO}
To: {OURS}
Subject: Absence du bureau
Auto-Submitted: auto-replied
Content-Type: text/plain; charset=utf-8

Je suis en congé. Votre adresse est 5.1.1, Action: failed
"""


@pytest.mark.parametrize(
    ("sample", "status"),
    [(POSTFIX, "5.1.1"), (EXCHANGE, "5.7.1"), (GMAIL, "5.2.1")],
    ids=["postfix", "exchange", "gmail"],
)
def test_a_refusal_for_good_is_read_whoever_reports_it(sample: str, status: str) -> None:
    for raw in (sample.encode(), sample.replace("\n", "\r\n").encode()):
        digest = MESSAGE_ID[1:41]
        report = read(raw)
        assert report == Bounce(True, status, MAIL, digest, frozenset({WHO}))


@pytest.mark.parametrize(
    ("status", "blamed"),
    [
        ("5.1.1", True), ("5.1.2", True), ("5.1.10", True), ("5.2.1", True),
        # The sender, a full mailbox, a mail too large, a policy, and what says nothing.
        ("5.1.7", False), ("5.1.8", False), ("5.2.2", False), ("5.3.4", False), ("5.7.1", False), ("5.0.0", False),
    ],
)  # fmt: skip
def test_only_a_mailbox_that_is_not_there_is_the_fault_of_the_address(status: str, blamed: bool) -> None:
    report = read(POSTFIX.replace("Status: 5.1.1", f"Status: {status}").encode())
    assert report is not None
    assert (report.status, report.final, report.blames_address) == (status, True, blamed)


@pytest.mark.parametrize(
    ("code", "answer", "blamed"),
    [
        (550, "5.1.1 No such mailbox", True),
        (550, "No such mailbox", True),
        (553, "5.1.3\nNot an address", True),
        (550, "5.2.1 Disabled", True),
        (550, "5.7.1 Relaying denied", False),
        (550, "5.2.2 Mailbox full", False),
        (552, "Mailbox full", False),
        (554, "5.1.1 Sender listed", False),
        (554, "No thanks", False),
        (450, "4.1.1 Come back", False),
        # An address of the network, no status.
        (550, "5.1.1.7 is not there", True),
    ],
)
def test_only_some_refusals_of_a_recipient_are_the_fault_of_the_address(code: int, answer: str, blamed: bool) -> None:
    assert blames_recipient(code, answer) is blamed


def test_a_delay_is_no_refusal() -> None:
    report = read(DELAYED.encode())
    assert report is not None
    assert (report.final, report.status, report.mail_id) == (False, "4.4.1", MAIL)
    assert not report.blames_address


def test_a_server_that_gave_up_says_nothing_of_the_address() -> None:
    report = read(GIVEN_UP.encode())
    assert report is not None
    assert (report.final, report.blames_address) == (True, False)


def test_without_an_address_of_its_own_a_mail_is_known_by_its_message_id() -> None:
    report = read(WITHOUT_PATH.encode())
    assert report is not None
    assert (report.mail_id, report.message_digest) == (None, MESSAGE_ID[1:41])


def test_of_several_recipients_the_refused_one_counts() -> None:
    relayed = (
        "Final-Recipient: rfc822; autre@exemple.test\nAction: relayed\nStatus: 2.0.0\n\nFinal-Recipient: rfc822; m"
    )
    report = read(POSTFIX.replace("Final-Recipient: rfc822; m", relayed, 1).encode())
    assert report is not None
    assert report.status == "5.1.1"
    assert report.addresses == {WHO}


def delivered() -> str:
    return POSTFIX.replace("Action: failed", "Action: delivered").replace("5.1.1", "2.0.0")


def a_spam_with_everything() -> bytes:
    spam = EmailMessage()
    spam["To"] = OURS
    spam["Subject"] = "Action: failed"
    spam.set_content("Status: 5.1.1\nAction: failed\n")
    spam.add_attachment(b"Action: failed\n", maintype="application", subtype="octet-stream", filename="delivery-status")
    return spam.as_bytes()


@pytest.mark.parametrize(
    "raw",
    [
        VACATION.encode(),
        delivered().encode(),
        a_spam_with_everything(),
        b"",
        b"\0\xff\xfe" * 100,
        b"Content-Type: multipart/report; boundary=\n\n--\n--\n",
        POSTFIX[: POSTFIX.index("Final-Recipient")].encode(),
        POSTFIX.encode().replace(b"Action: failed", b"Action: \xff\xfe"),
        b"Content-Type: message/delivery-status\n\n" + b"\n" * 5000,
        POSTFIX.encode() + b"x" * (10 * 1024 * 1024),
        b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(5000)),
    ],
    ids=["vacation", "delivered", "spam", "empty", "noise", "no boundary", "cut", "bytes", "blank", "10 MB", "deep"],
)  # fmt: skip
def test_what_is_no_report_is_nothing_and_breaks_nothing(raw: bytes) -> None:
    assert len(raw) < LONGEST or len(raw) > 10 * LONGEST
    assert read(raw) is None


def test_odd_headers_do_not_hide_a_report() -> None:
    raw = POSTFIX.encode().replace(b"Subject: Undelivered", b"X-Odd: \xff =?utf-8?q?=ff?=\nSubject: Undelivered", 1)
    report = read(raw)
    assert report is not None
    assert report.mail_id == MAIL


@pytest.mark.parametrize("odd", ["\0", "\x1b", "\x7f"])
def test_an_address_that_nobody_can_print_is_none(odd: str) -> None:
    report = read(POSTFIX.replace("To: margue", f"To: x{odd}y@exemple.test, margue").encode())
    assert report is not None
    assert report.addresses == {WHO}


def test_the_return_path_comes_back_as_the_mail_it_was_made_for() -> None:
    for mail_id in (uuid4() for _ in range(50)):
        path = return_path("bounces@portail.exemple.test", mail_id)
        assert path.endswith("@portail.exemple.test")
        # RFC 5321 §4.5.3.1.1.
        assert len(path.partition("@")[0]) <= 64
        report = read(POSTFIX.replace(OURS, path).encode())
        assert report is not None
        assert report.mail_id == mail_id
