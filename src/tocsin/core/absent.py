"""What the first generation of Prefect had and tocsin has not, and what to write instead.

Python alone would say that a name cannot be imported, or that an argument is unexpected. The same texts are a table in the docs.
"""

from collections.abc import Mapping

_LOOP = "call the task once for each item, in a loop"
_WHERE = "a flow runs where its program calls flow.run()"
_ORDER = "tasks run one after the other, in one process"
_STARTS = "have cron, a systemd timer or your scheduler start the program"
_SERVER = "there is no server"
_INPUTS = "build the flow in a function, and give its arguments to the tasks"
_KEEP = "store what is to be kept in the task's body; flow.run().result(task) has what the task returned"
_STATES = "import states from tocsin, and signals and triggers from tocsin.signals and tocsin.triggers"
_CACHE = "write cache_for= and cache_validator="
_REPORT = "flow.run() returns a report: write report.state"

ABSENT: Mapping[str, Mapping[str, str]] = {
    "tocsin": {
        "Client": _SERVER,
        "Parameter": _INPUTS,
        "agent": _SERVER,
        "apply_map": _LOOP,
        "artifacts": "a message has the text of message=, and the notes of tocsin.current_run().note(...)",
        "backend": _SERVER,
        "case": "raise signals.SKIP in the task that is not to run",
        "client": _SERVER,
        "config": "write a tocsin.toml: tocsin config show lists its keys",
        "context": "a function in message= or filters.where() gets a Change, which knows the run, the attempt, the time and the host",
        "engine": _STATES,
        "environments": _WHERE,
        "executors": _ORDER,
        "flatten": _LOOP,
        "mapped": _LOOP,
        "resource_manager": "open and close the resource in a task's body",
        "run_configs": _WHERE,
        "schedules": _STARTS,
        "serialization": _SERVER,
        "storage": _WHERE,
        "tags": "write tags=[...] at each task",
        "unmapped": _LOOP,
        "utilities": "import slack_notifier, gmail_notifier and callback_factory from tocsin",
    },
    "Task": {
        "cache_key": _CACHE,
        "checkpoint": _KEEP,
        "log_stdout": "let the body use logging; tocsin.LoggingHandler notifies of records",
        "map": _LOOP,
        "nout": "let one task return the tuple, and take it apart in the task that gets it",
        "result": _KEEP,
        "result_handler": _KEEP,
        "retry_on": "raise signals.FAIL or signals.ENDRUN(state) in the body: ENDRUN is not retried",
        "set_dependencies": "write flow.set_dependencies(task, ...)",
        "set_downstream": "write flow.add_edge(task, downstream)",
        "set_upstream": "write flow.add_edge(upstream, task), or task(upstream_tasks=[...])",
        "slug": "write name=",
        "target": _KEEP,
        "task_run_name": "write name=",
    },
    "the call of a task": {
        "flow": "call it inside `with flow:`",
        "mapped": _LOOP,
        "task_args": "make another task, with these options",
    },
    "Flow": {
        "chain": "write upstream_tasks=[...] at each call, or flow.add_edge(upstream, downstream)",
        "deploy": _WHERE,
        "environment": _WHERE,
        "executor": _ORDER,
        "get_tasks": "write flow.tasks",
        "parameters": _INPUTS,
        "reference_tasks": "write flow.set_reference_tasks([...])",
        "register": _SERVER,
        "result": _KEEP,
        "result_handler": _KEEP,
        "run_config": _WHERE,
        "schedule": _STARTS,
        "storage": _WHERE,
        "terminal_state_handler": "write state_handlers=[...]: a handler that returns a state replaces the new one",
        "validate": "a cycle is refused when its last edge is added",
        "visualize": "flow.tasks and flow.edges are what there is to draw",
    },
    "Flow.run": {
        "context": "give the values to the tasks",
        "executor": _ORDER,
        "parameters": _INPUTS,
        "return_tasks": "the report has the states of all tasks: report.task_states",
        "run_on_schedule": _STARTS,
        "runner_cls": "there is one runner",
        "task_contexts": "give the values to the tasks",
    },
    "a report": {
        "is_failed": f"{_REPORT}.is_failed()",
        "is_finished": f"{_REPORT}.is_finished()",
        "is_successful": f"{_REPORT}.is_successful()",
        "message": f"{_REPORT}.message",
    },
    "slack_notifier": {
        "backend_info": "leave it out: there is no server to link to, and title_link='https://...' links the title",
        "proxies": "set TOCSIN_SLACK_PROXIES or HTTPS_PROXY, or give proxies={...} to tocsin.adapters.SlackWebhook",
    },
}
"""What to write instead, by what would have it and its name."""


def instead(owner: str, name: str) -> str | None:
    """Return one line about something absent, with what to write instead; None about anything else.

    >>> print(instead("tocsin", "Parameter"))
    tocsin has no Parameter, unlike Prefect: build the flow in a function, and give its arguments to the tasks
    >>> instead("tocsin", "slack_notifer") is None
    True
    """
    what = ABSENT.get(owner, {}).get(name)
    return None if what is None else f"{owner} has no {name}, unlike Prefect: {what}"


def lookup(value: object, owner: str, name: str) -> object:
    """Do for a class what ``object`` does where an attribute is missing, and say of one that is absent what to write instead."""
    why = instead(owner, name)
    if why is not None:
        raise AttributeError(why, name=name, obj=value)
    return object.__getattribute__(value, name)  # it raises Python's own error, or that of a property
