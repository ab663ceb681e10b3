"""A real Envoy with the filter, from `envoy/envoy.yaml`, on free ports.

In: programs, files and a folder of one's own. Out: a running Envoy, its ports, its audit lines and metrics.
Knows nothing of policies. Leaves nothing running: the child dies with this process, however that ends.
"""

import contextlib
import ctypes
import json
import pathlib
import re
import signal
import subprocess
import sys
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
START_SECONDS = 60
STOP_SECONDS = 5
# Since this version the field stands in `vm_config`; before, there is only the place beside it.
CAPABILITIES_OF_VM = (1, 40)
BROKEN = "broken"

# What the filter needs of its host, but for the one function that reads counters.
CAPABILITIES = """
    _initialize environ_get environ_sizes_get fd_write random_get malloc proxy_on_memory_allocate
    proxy_abi_version_0_2_1 proxy_on_vm_start proxy_on_configure proxy_on_context_create
    proxy_on_request_headers proxy_on_request_body proxy_on_request_trailers proxy_on_response_headers
    proxy_on_done proxy_on_log proxy_on_delete proxy_log proxy_get_current_time_nanoseconds
    proxy_get_buffer_bytes proxy_set_buffer_bytes proxy_get_header_map_pairs proxy_get_header_map_value
    proxy_replace_header_map_value proxy_add_header_map_value proxy_remove_header_map_value
    proxy_send_local_response proxy_set_shared_data proxy_get_property proxy_set_property
    proxy_define_metric proxy_increment_metric proxy_record_metric
""".split()


class StartFailed(Exception):
    """Envoy did not come up; the text says what it said."""


def version(program):
    """The version of an Envoy, as numbers that compare."""
    said = subprocess.run([str(program), "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    found = re.search(r"/(\d+)\.(\d+)\.(\d+)[^/]*/", said.stdout)
    if said.returncode != 0 or not found:
        raise StartFailed(f"`{program} --version` says no version: {said.stdout.strip() or said.returncode}")
    return tuple(map(int, found.groups()))


class Gateway:
    """One running Envoy. Make it before any thread: it forks."""

    def __init__(self, program, module, packed, tool_port, folder):
        self.version = version(program)
        self._audit_file = folder / "audit.log"
        self._log_file = folder / "envoy.log"
        self._admin_file = folder / "admin-address"
        bootstrap = folder / "envoy.yaml"
        bootstrap.write_text(self._bootstrap(module, packed, tool_port))
        # Envoy adds this to what the file says.
        more = {"static_resources": {"listeners": [self._broken_listener(module, packed)]}}
        with self._audit_file.open("wb") as audit, self._log_file.open("wb") as log:
            self._child = subprocess.Popen(
                [str(program), "--config-path", bootstrap, "--config-yaml", json.dumps(more), "--disable-hot-restart",
                 "--concurrency", "2", "--admin-address-path", self._admin_file, "--log-level", "warn",
                 "--file-flush-interval-msec", "20"],
                stdin=subprocess.DEVNULL, stdout=audit, stderr=log, preexec_fn=_die_with_parent)

    def _bootstrap(self, module, packed, tool_port):
        """`envoy/envoy.yaml` with the policy, the ports and the paths of this run."""
        text, found = re.subn(r'(?m)^( +value: )"\{.*\}"$', lambda match: match.group(1) + yaml_text(packed),
                              (HERE / "envoy.yaml").read_text())
        if found != 1:
            raise StartFailed(f"envoy.yaml must have one packed policy, it has {found}")
        for old, new, times in [
            ("/etc/toolgate/toolgate_filter.wasm", yaml_text(str(module)), 1),
            ("port_value: 9901", "port_value: 0", 1),
            ("port_value: 10000", "port_value: 0", 1),
            # The sample MCP server is the same program.
            ("port_value: 8080", f"port_value: {tool_port}", 2),
        ]:
            if text.count(old) != times:
                raise StartFailed(f"envoy.yaml must have {old} {times} times, it has it {text.count(old)} times")
            text = text.replace(old, new)
        return text

    def _broken_listener(self, module, packed):
        """A second listener, whose filter may not read counters: a host that fails."""
        kinds = "type.googleapis.com/envoy.extensions"
        machine = {"vm_id": BROKEN, "runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": str(module)}}}
        plugin = {
            "name": BROKEN, "vm_config": machine, "failure_policy": "FAIL_RELOAD",
            "allow_on_headers_stop_iteration": True,
            "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": packed},
        }
        place = machine if self.version >= CAPABILITIES_OF_VM else plugin
        place["capability_restriction_config"] = {"allowed_capabilities": {name: {} for name in CAPABILITIES}}
        log = {
            "@type": f"{kinds}.access_loggers.stream.v3.StdoutAccessLog",
            "log_format": {"text_format_source": {"inline_string": "%FILTER_STATE(wasm.tool_gateway.audit:PLAIN)%\n"}},
        }
        http = {
            "@type": f"{kinds}.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": BROKEN,
            "access_log": [{"name": "envoy.access_loggers.stdout", "typed_config": log}],
            "http_filters": [
                {"name": "envoy.filters.http.wasm",
                 "typed_config": {"@type": f"{kinds}.filters.http.wasm.v3.Wasm", "config": plugin}},
                {"name": "envoy.filters.http.router",
                 "typed_config": {"@type": f"{kinds}.filters.http.router.v3.Router"}},
            ],
            "route_config": {"virtual_hosts": [{"name": "tools", "domains": ["*"], "routes": [
                {"match": {"prefix": "/"}, "route": {"cluster": "tools"}}]}]},
        }
        return {
            "name": BROKEN,
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
            "filter_chains": [{"filters": [
                {"name": "envoy.filters.network.http_connection_manager", "typed_config": http}]}],
        }

    def wait_until_ready(self):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self._child.poll() is not None:
                raise StartFailed(f"Envoy ended with exit code {self._child.returncode}:\n{self.log_end()}")
            with contextlib.suppress(OSError, ValueError):
                if self.admin("/ready").strip() == "LIVE" and len(self.ports()) == 2:
                    return
            time.sleep(0.05)
        raise StartFailed(f"Envoy was not ready after {START_SECONDS} s:\n{self.log_end()}")

    @property
    def admin_address(self):
        return self._admin_file.read_text().strip()

    def admin(self, path):
        with urllib.request.urlopen(f"http://{self.admin_address}{path}", timeout=10) as answer:
            return answer.read().decode()

    def ports(self):
        """The port of each listener, by name."""
        statuses = json.loads(self.admin("/listeners?format=json")).get("listener_statuses", [])
        return {status["name"]: status["local_address"]["socket_address"]["port_value"] for status in statuses}

    def audit_lines(self):
        """Whole lines only: Envoy may be about to write one."""
        return self._audit_file.read_text().split("\n")[:-1]

    def metrics(self):
        """The filter's own, as Prometheus sees them: name, labels, value."""
        samples = []
        for line in self.admin("/stats/prometheus?filter=tool_gateway").splitlines():
            found = re.fullmatch(r"(tool_gateway_\w+)\{(.*)\} (\S+)", line)
            if found:
                name, labels, value = found.groups()
                samples.append((name, dict(re.findall(r'(\w+)="([^"]*)"', labels)), float(value)))
        return samples

    def reloads(self):
        """How often a worker's filter crashed and was loaded again, or could not be."""
        said = self.admin("/stats?filter=vm_reload")
        return sum(int(line.rsplit(": ", 1)[1]) for line in said.splitlines() if ": " in line)

    def log_end(self):
        return "\n".join(self._log_file.read_text(errors="replace").splitlines()[-12:])

    def has_ended(self):
        return self._child.poll() is not None

    def stop(self):
        """Ends Envoy, in good order if it will."""
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(STOP_SECONDS)
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()


def yaml_text(text):
    """A YAML scalar that is this text, whatever stands in it."""
    return "'" + text.replace("'", "''") + "'"


_C_LIBRARY = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with_parent():
    """Linux only: the kernel ends the child should this process be killed outright."""
    if _C_LIBRARY:
        pr_set_pdeathsig = 1
        _C_LIBRARY.prctl(pr_set_pdeathsig, signal.SIGKILL)
