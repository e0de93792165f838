"""What the killed processes run: a nursery that has everything loaded, and forks a child for each life; and what a child does.

A child builds all that it uses after the fork, as any process does at its start. ``Noting`` is how its parent knows what must arrive:
what the outbox acknowledged is on disk, in a file of the test's, before the child goes on.
"""

NURSERY = """
import itertools, json, os, select, signal, sys, threading, traceback

import sqlalchemy
import sqlalchemy.dialects.postgresql.psycopg
import sqlalchemy.dialects.sqlite
import sqlalchemy.engine.default

import tocsin.shell.adapters.http
import tocsin.shell.outbox.client
from tocsin import Failed, Flow, Live, Recording, Running, Success, Task, interpreting, slack_notifier
from tocsin.adapters import SlackWebhook
from tocsin.core.outbox.model import row_name
from tocsin.core.outcomes import Queued
from tocsin.interpreters import Outbox, RateLimited, Rate, Retrying, RetryPolicy
from tocsin.shell.interpreters.base import execute, result_of
from tocsin.shell.outbox.store import Store

NAMES = [f"step-{number}" for number in range(12)]


def die():
    os.killpg(0, signal.SIGKILL)
    signal.pause()


class Noting:
    '''Notes what its outbox acknowledged, on disk, before it answers.'''

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
    '''Passes effects on, and says so.'''

    def __init__(self, inner, step):
        self.inner, self.step, self.notify = inner, step, inner.notify

    def __call__(self, effect):
        self.step("send")
        answer = self.inner(effect)
        self.step("sent")
        return answer


def composed(order, step):
    patient = RetryPolicy(attempts=150, initial_delay=0.1, max_delay=1.0, deadline=86_400.0)
    slack = SlackWebhook(allowed_hosts=("127.0.0.1",), ca_bundle=os.environ["TOCSIN_SLACK_CA_BUNDLE"])
    inner = RateLimited(Retrying(Stepping(Live(slack=slack), step), RetryPolicy(initial_delay=0.05)), slack=Rate(10_000, 1.0, 10_000))
    return Outbox(inner, order["url"], threshold=order["most"], min_interval=0.05, lease=order["lease"], policy=patient)


def already(order):
    try:
        with open(order["notes"], encoding="utf-8") as notes:
            return {line.split()[1] for line in notes}
    except FileNotFoundError:
        return set()


def drained(store):
    '''Wait until nothing is left, whoever put it there.'''
    while True:
        agenda = store.agenda()
        if not agenda.due and agenda.next is None:
            return
        threading.Event().wait(0.02)


def nothing(what):
    pass


def flow(order):
    '''A flow of many tasks, of which those that people were told of are not run again.'''
    told, step = already(order), nothing
    only = slack_notifier(only_states=[Success])
    tasks = [Task(f"{order['name']}-{number}", state_handlers=[only]) for number in range(order["count"])]
    outbox = composed(order, step)
    outbox.attend()
    if not order["from_birth"]:
        os.write(order["up"], b".")
    Flow("nightly", tasks=tasks).run(
        task_states={task: Success() for task in tasks if task.name in told},
        interpreter=Noting(outbox, order["notes"], step),
    )
    drained(Store(order["url"]))


def drain(order):
    '''Send what others left.'''
    composed(order, nothing).attend()
    drained(Store(order["url"]))


def steps(order):
    '''One message, or twelve in one commit; killed as it is about to take a step.'''
    numbers, lock, ended = itertools.count(1), threading.Lock(), threading.Event()
    trail = os.open(order["trail"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def step(what):
        with lock:
            number = next(numbers)
            os.write(trail, f"{number} {' '.join(what.split())[:60]}\\n".encode())
            if number == order["die_at"]:
                die()

    def statement(text):
        if not text.lstrip().upper().startswith(("SELECT", "WITH")):
            step(text)

    @sqlalchemy.event.listens_for(sqlalchemy.Engine, "connect")
    def connected(connection, _):
        connection.set_trace_callback(statement)

    keeping = composed(order, step)
    keeping.close()  # it sends nothing, so that the steps come in one order
    noting = Noting(keeping, order["notes"], step)
    recording = Recording()
    with interpreting(recording):
        for name in NAMES[: order["count"]]:
            slack_notifier(Task(name), Running(), Failed("no rows"))
    noting.noted(recording.effects, noting.outbox.batch(recording.effects))
    store = Store(order["url"])
    store.agenda()  # to open it takes steps as well
    composed(order, step).attend()
    drained(store)
    step("flushed")


def live(order):
    os.setpgid(0, 0)
    signal.alarm(120)
    os.environ.update(order["environment"])
    try:
        globals()[order["does"]](order)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


for line in sys.stdin:
    order = json.loads(line)
    ends, held = os.pipe()
    child = os.fork()
    if child == 0:
        live(order | {"up": held})
    os.close(held)
    try:
        os.setpgid(child, child)
    except OSError:  # it has ended already
        pass
    print(child, flush=True)
    if not order["from_birth"]:
        os.read(ends, 1)  # it is up, or has ended
    if not select.select([ends], [], [], order["seconds"])[0]:
        os.killpg(child, signal.SIGKILL)
    os.close(ends)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
