"""Write docs/reference.md."""

from dev.reference.page import PAGE, page
from pod_diagnoser.server.logs import configure_logs

configure_logs("error", "console")
PAGE.write_text(page(), encoding="utf-8")
