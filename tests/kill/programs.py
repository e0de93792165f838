"""The program of the killed processes: a parent that has loaded all modules and forks a child for each job.

A child builds all its objects after the fork, as a new process does. ``Noting`` writes each acknowledged message to a file of the test,
and syncs it, before the child goes on. So the test knows which messages must arrive.
"""

PROGRAM = """
import itertools, json, os, select, signal, sys, threading, traceback

import sqlalchemy
import sqlalchemy.dialects.postgresql.psycopg
import sqlalchemy.dialects.sqlite
import sqlalchemy.engine.default

import tocsin.cli.exec.command
import tocsin.cli.exec.notifier
import tocsin.cli.exec.supervisor_loop
import tocsin.shell.adapters.http
import tocsin.shell.outbox.client
from tocsin import filters, watch
from tocsin import Failed, Flow, Live, Recording, Running, Success, Task, interpreting, slack_notifier
from tocsin.adapters import SlackWebhook
from tocsin.core.outbox.model import row_name
from tocsin.core.outcomes import Queued
from tocsin.interpreters import Outbox, RateLimited, Rate, Retrying, RetryPolicy
from tocsin.shell import queues
from tocsin.shell.interpreter import execute, result_of
from tocsin.shell.outbox.store import Store

NAMES = [f"step-{number}" for number in range(12)]


def die():
    os.killpg(0, signal.SIGKILL)
    signal.pause()


class Noting:
    '''Writes to disk what the outbox acknowledged, before it answers.'''

    notify = "live"

    def __init__(self, outbox, path, step):
        self.outbox, self.step = outbox, step
        self.notes = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def __call__(self, effect):
        return result_of(self.noted([effect], [execute(self.outbox, effect)])[0])

    def noted(self, effects, outcomes):
        self.step("acknowledged")
        assert set(outcomes) == {Queued("the outbox")}, outcomes
        os.write(self.notes, "".join(f"{row_name(each.key)} {each.content.name}\\n" for each in effects).encode())
        os.fsync(self.notes)
        self.step("noted")
        return outcomes


class Stepping:
    '''Passes effects on, and reports a step before and after it.'''

    def __init__(self, inner, step):
        self.inner, self.step, self.notify = inner, step, inner.notify

    def __call__(self, effect):
        self.step("send")
        answer = self.inner(effect)
        self.step("sent")
        return answer


def make_outbox(job, step):
    policy = RetryPolicy(attempts=150, initial_delay=0.1, max_delay=1.0, deadline=86_400.0)
    slack = SlackWebhook(allowed_hosts=("127.0.0.1",), ca_bundle=os.environ["TOCSIN_SLACK_CA_BUNDLE"])
    inner = RateLimited(Retrying(Stepping(Live(slack=slack), step), RetryPolicy(initial_delay=0.05)), slack=Rate(10_000, 1.0, 10_000))
    return Outbox(inner, job["url"], threshold=job["most"], min_interval=0.05, lease=job["lease"], policy=policy)


def noted_names(job):
    try:
        with open(job["notes"], encoding="utf-8") as notes:
            return {line.split()[1] for line in notes}
    except FileNotFoundError:
        return set()


def wait_until_empty(store):
    '''Wait until no message waits, of this process or another.'''
    while True:
        agenda = store.agenda()
        if not agenda.due and agenda.next is None:
            return
        threading.Event().wait(0.02)


def nothing(what):
    pass


def flow(job):
    '''Run a flow of many tasks, without those whose messages were acknowledged.'''
    acknowledged, step = noted_names(job), nothing
    only = slack_notifier(only_states=[Success])
    tasks = [Task(f"{job['name']}-{number}", state_handlers=[only]) for number in range(job["count"])]
    outbox = make_outbox(job, step)
    outbox.attend()
    if not job["from_start"]:
        os.write(job["up"], b".")
    Flow("nightly", tasks=tasks).run(
        task_states={task: Success() for task in tasks if task.name in acknowledged},
        interpreter=Noting(outbox, job["notes"], step),
    )
    wait_until_empty(Store(job["url"]))


def drain(job):
    '''Send what other processes left.'''
    make_outbox(job, nothing).attend()
    wait_until_empty(Store(job["url"]))


def steps(job):
    '''Send one message, or twelve in one commit, and kill the process before step ``die_at``.'''
    numbers, lock, ended = itertools.count(1), threading.Lock(), threading.Event()
    trail = os.open(job["trail"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def step(what):
        with lock:
            number = next(numbers)
            os.write(trail, f"{number} {' '.join(what.split())[:60]}\\n".encode())
            if number == job["die_at"]:
                die()

    def statement(text):
        if not text.lstrip().upper().startswith(("SELECT", "WITH")):
            step(text)

    @sqlalchemy.event.listens_for(sqlalchemy.Engine, "connect")
    def connected(connection, _):
        connection.set_trace_callback(statement)

    storing = make_outbox(job, step)
    storing.close()  # it sends nothing, so that the steps come in one order
    noting = Noting(storing, job["notes"], step)
    recording = Recording()
    with interpreting(recording):
        for name in NAMES[: job["count"]]:
            slack_notifier(Task(name), Running(), Failed("no rows"))
    noting.noted(recording.effects, noting.outbox.batch(recording.effects))
    store = Store(job["url"])
    store.agenda()  # opening it takes steps too
    make_outbox(job, step).attend()
    wait_until_empty(store)
    step("flushed")


def exec(job):
    '''Run a command under ''tocsin exec''. To the queues this is a new process, as it is to all else.'''
    queues._here.forked = False
    tocsin.cli.exec.command.main(["--label", job["name"], *job["words"]])


def fail(job):
    '''Run a watched body that fails, under a policy.'''
    queues._here.forked = False
    try:
        with watch(job["name"], state_handlers=[slack_notifier(when=filters.on_change())]):
            with open(job["notes"], "a") as notes:
                notes.write("x\\n")
            raise OSError
    except OSError:
        queues.finish()  # as at the end of a program


def run(job):
    os.setpgid(0, 0)
    signal.alarm(120)
    os.environ.update(job["environment"])
    try:
        globals()[job["does"]](job)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


for line in sys.stdin:
    job = json.loads(line)
    ends, held = os.pipe()
    child = os.fork()
    if child == 0:
        run(job | {"up": held})
    os.close(held)
    try:
        os.setpgid(child, child)
    except OSError:  # it has ended already
        pass
    print(child, flush=True)
    if not job["from_start"]:
        os.read(ends, 1)  # the child is up, or has ended
    if not select.select([ends], [], [], job["seconds"])[0]:
        os.killpg(child, signal.SIGKILL)
    os.close(ends)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
