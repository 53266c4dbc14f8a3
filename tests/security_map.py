"""Maps each security test of the union's list to the test that proves it: `python -m tests.security_map`."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "security-tests.md"

# What each number asks for, in a few words.
WANTED = {
    "T01": "the same answer for known and unknown addresses",
    "T02": "the same work for both: one hash",
    "T03": "guessing one account is slowed down and written down",
    "T04": "a member number has five tries in its life",
    "T05": "guessing one number over everybody closes that way in",
    "T06": "slowing a guesser down locks nobody out",
    "T07": "hashing cannot be used to exhaust the machine",
    "T08": "a header that callers set buys no more tries",
    "T09": "a member number is dead after activation",
    "T10": "an activation session may only prove the address and choose a password",
    "T11": "a member number is no password when the password is asked again",
    "T12": "a password that is easily guessed is refused",
    "T13": "passwords are kept as argon2id, renewed when parameters rise",
    "T14": "a link is used once, and stands nowhere in clear",
    "T15": "an older link is void",
    "T16": "opening a link, even by a scanner, changes nothing",
    "T17": "links carry the configured address, whatever Host says",
    "T18": "a new password or address is told to the address on file, which is not replaced",
    "T19": "staff reach no page of theirs without a key or a code, and the key answers here only",
    "T20": "a code serves once, a reset ends at the second factor, nobody sets another's password",
    "T21": "a session planted before signing in is worth nothing",
    "T23": "the cookie is __Host-, Secure, HttpOnly, SameSite",
    "T24": "after signing out the old cookie is dead",
    "T25": "a form sent from elsewhere changes nothing",
    "T26": "signing in and out cannot be forged from elsewhere",
    "T27": "looking changes nothing",
    "T28": "an old browser is believed by its origin only",
    "T29": "a forgotten session ends, and its form is kept",
    "T30": "what people type is shown inert",
    "T31": "no page can be framed",
    "T32": "no address of ours leaks to another site",
    "T33": "nobody is led to another site",
    "T34": "what only developers need is not there",
    "T35": "personal pages are kept by no cache",
    "T36": "a field the form does not name is refused",
    "T37": "too large an upload is refused early",
    "T38": "only a real JPEG is taken",
    "T39": "a picture of too many pixels is never decoded",
    "T40": "a picture of a thousand scans is never decoded",
    "T41": "nothing rides along with a picture",
    "T43": "nothing hidden in a picture is kept",
    "T44": "the name of a file leaves no trace",
    "T45": "uploads have a limit, and old ones go",
    "T46": "a picture is given to our own pages only",
    "T47": "a picture is shown to its owner and its reviewer only",
    "T48": "nobody is handed, or decides on, their own document",
    "T49": "who opens a great many cases is stopped and told on; the queue names nobody",
    "T50": "a served picture says who looked at it and when, and is gone with the lease",
    "T51": "no version of a deleted picture is left",
    "T53": "an upload touches no file",
    "T54": "no history holds a person",
    "T55": "no log holds a person",
    "T56": "a backup cannot open a deleted picture",
    "T57": "a picture without a case is deleted by the sweep",
    "T58": "the certificate of an erasure is sealed in the chain",
    "T59": "a repeated signal is one decision",
    "T60": "a decision on a replaced picture does not apply",
    "T61": "a forged signal changes nothing",
    "T62": "nobody acts on their own account, role, keys or proposal: refused in SQL",
    "T63": "the pages can end and reset no workflow",
    "T64": "what is ended by hand in Temporal is taken up again",
    "T65": "what cannot be understood is one listed case, and others flow",
    "T66": "one officer alone opens, moves and cancels nothing",
    "T67": "who may vote is changed by two persons once voting is open, and an edit behind their back shows",
    "T68": "a question stays as it is once voting is open",
    "T69": "a dangerous act needs a key shown a few minutes ago",
    "T70": "a candidate runs no vote, and an officer keeps theirs",
    "T71": "the journal is only added to, and whoever goes around that is named",
    "T72": "nothing that Temporal lists names anybody",
    "T73": "votes of one member at one moment are one vote",
    "T74": "the same vote sent again is answered with the one that is there",
    "T75": "a vote counts until the instant before the close, by the clock of the database",
    "T76": "neither a slow transaction nor a lock carries a vote past the close",
    "T77": "no step can be skipped",
    "T78": "nobody registers for another group's ballot, nor late",
    "T79": "whatever was sealed is counted, as invalid if need be, and stops nothing",
    "T80": "a sealed vote handed in by somebody else is refused",
    "T81": "the vote closes on time whatever else is down",
    "T82": "zones and changes of clocks move no closing",
    "T83": "a closing moves only later, by two, and the whole electorate is told why",
    "T84": "a vote that the law gives to everybody in the unit is never for members only",
    "T85": "who has no address is told by post",
    "T86": "whoever is in votes while a crowd comes in; whoever has to wait has tried nothing and loses nothing",
    "T87": "a vote that is taken out, put in or replaced is named",
    "T88": "both languages of a ballot mean the same",
    "T89": "no row that is written with a vote says what it says",
    "T90": "neither order, log nor any number leads from a voter to a choice",
    "T91": "no log tells one choice from another",
    "T92": "the length of a sealed vote says nothing",
    "T93": "no machine of the portal has the key, before the count or after",
    "T94": "the key is used on a machine that is connected to nothing",
    "T95": "no choice leaves the browser, and the program that seals is the published one",
    "T96": "without scripts the choice is sealed at once and left nowhere",
    "T97": "a receipt shows that a vote is in the box, and nobody what it says",
    "T98": "no receipt in a mail, in its row, or on its way",
    "T99": "any two of three officers open the votes, one does not",
    "T100": "two programs give the same bytes, or there is no result",
    "T101": "no small number tells what somebody chose",
    "T102": "after the end of the key no copy of the votes can be opened",
    "T103": "evidence is not destroyed too early",
    "T104": "no weak chance, no cryptography of our own",
    "T105": "what is typed writes no line of a log",
    "T106": "no token in a log",
    "T107": "no password in an answer or a log",
    "T108": "no credential of the application rewrites the journal",
    "T109": "no error repeats what a person typed",
    "T110": "a server that is away is said to be, and nothing is half saved",
    "T111": "what is typed starts no header and writes no mail",
    "T112": "a mail has one recipient",
    "T113": "two spellings of one address are one",
    "T114": "typing somebody's address fills no mailbox",
    "T115": "nobody sends mail in our name, and ours lead to the portal only",
    "T116": "a list that is taken away runs nothing in a spreadsheet",
}

# Where the tests of this project end, and an installation has to go on.
LIMITS = {
    "T86": "by counts and order; how many a second a machine takes is a figure (docs/figures.md), and what floods "
    "the line or the processor is for the proxy before it (deploy/README.md)",
    "T94": "that the laptop is wiped and keeps no copy is for the ceremony (docs/ceremony.md)",
    "T102": "a program overwrites files; on flash and in forgotten copies old bytes stay: the sticks are broken before "
    "witnesses",
    "T103": "the clock of an offline laptop decides; witnesses look at it",
    "T58": "the record is a row that no program may change; who administers the database could",
    "T63": "that the code makes no such call; that its certificate could not is the server's authorizer "
    "(deploy/README.md), which the dev server of these tests has not",
    "T65": "a deletion is tried without end, by decision: it is listed as pending instead of failing",
    "T115": "against a name server of the tests; the union's own domain is asked by `python -m portal doctor`",
}


def named() -> dict[str, list[str]]:
    """Every T-number that a docstring of a test names, with where."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        where = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
                for number in sorted(set(re.findall(r"\bT\d{2,3}\b", ast.get_docstring(node) or ""))):
                    found.setdefault(number, []).append(f"`{where}::{node.name}`")
    return found


def written() -> str:
    found = named()
    lines = [
        "# Security tests",
        "",
        "Each number is one test of the union's threat model; behind it the tests of this project that prove it.",
        "Made by `python -m tests.security_map` from the docstrings of the tests, and checked in every run.",
        "",
        "| id | what must hold | proved by |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| {number} | {WANTED[number]} | {'<br>'.join(found.get(number, ['**missing**']))} |" for number in WANTED
    ]
    lines += ["", "What these tests do not prove:", "", "| id | how far |", "| --- | --- |"]
    lines += [f"| {number} | {how_far} |" for number, how_far in LIMITS.items()]
    more = sorted((n for n in found if n not in WANTED), key=lambda n: int(n[1:]))
    lines += ["", "Also touched, ahead of the parts they belong to:", "", "| id | by |", "| --- | --- |"]
    lines += [f"| {number} | {'<br>'.join(found[number])} |" for number in more]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(written())
