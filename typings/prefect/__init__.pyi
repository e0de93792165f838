# What tocsin and its tests use of Prefect, and no more. A test in the environment of the engine checks a program with the real types.

from prefect.flows import Flow as Flow
from prefect.flows import flow as flow
from prefect.tasks import Task as Task
from prefect.tasks import task as task
