from prefect.runtime import task_run as task_run
