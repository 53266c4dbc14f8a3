"""What is out: releases whose members are still under way, and whose processes may still be running.

Add one here on the day it is published, with the newest migration in it (docs/releases.md).
"""

RELEASES = {"0.1": "20261125_mails_of_requests"}
