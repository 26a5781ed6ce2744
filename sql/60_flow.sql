/*
 * 60_flow: runs, their tasks and their history.
 *
 * Only C code writes these tables, as the extension's owner. There are no
 * foreign keys between them: the check would lock the run's row once for every
 * event and let parallel workers wait for one another.
 */

CREATE TABLE olist_etl.run (
    run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workflow text NOT NULL,
    version integer NOT NULL,
    status text NOT NULL
        CHECK (status IN ('RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED')),
    input json NOT NULL,
    output json,
    error text,
    cause text,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    owner name NOT NULL,
    token bigint NOT NULL,
    pid integer,
    CONSTRAINT run_ended_check CHECK ((status = 'RUNNING') = (ended_at IS NULL))
);
COMMENT ON TABLE olist_etl.run IS
    'Executions of workflows, the running one included';
COMMENT ON COLUMN olist_etl.run.owner IS
    'The role that called run(), under which the tasks are executed';
COMMENT ON COLUMN olist_etl.run.token IS
    'Fence: drawn anew by each session that takes the run; a task of an older token cannot commit';
COMMENT ON COLUMN olist_etl.run.pid IS
    'Process of the session that coordinates or last coordinated the run';
CREATE INDEX run_workflow_idx ON olist_etl.run (workflow, run_id);
CREATE UNIQUE INDEX run_running_idx ON olist_etl.run (workflow) WHERE status = 'RUNNING';

CREATE TABLE olist_etl.task (
    run_id bigint NOT NULL,
    task_id bigint NOT NULL,
    attempt integer NOT NULL,
    name text NOT NULL,
    function text NOT NULL,
    status text NOT NULL
        CHECK (status IN ('RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED')),
    input json NOT NULL,
    output json,
    error text,
    cause text,
    rows bigint,
    rejects bigint,
    milliseconds double precision,
    scheduled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    token bigint NOT NULL,
    pid integer,
    PRIMARY KEY (run_id, task_id)
);
COMMENT ON TABLE olist_etl.task IS
    'Attempts of tasks. An attempt''s row is committed RUNNING before it starts, and gets its result in the transaction of its work';
COMMENT ON COLUMN olist_etl.task.pid IS
    'Process that executed the attempt';

CREATE TABLE olist_etl.event (
    run_id bigint NOT NULL,
    id bigint NOT NULL,
    previous_id bigint NOT NULL,
    type text NOT NULL,
    state text,
    at timestamptz NOT NULL,
    details json,
    PRIMARY KEY (run_id, id)
);
COMMENT ON TABLE olist_etl.event IS
    'History of runs, with the event types of AWS Step Functions';
COMMENT ON COLUMN olist_etl.event.previous_id IS
    'The event before this one in the same branch, 0 at the start';

CREATE VIEW olist_etl.progress WITH (security_invoker = true, security_barrier = true) AS
SELECT r.run_id,
       r.workflow,
       r.status,
       count(t.task_id) FILTER (WHERE t.status = 'SUCCEEDED') AS succeeded,
       count(t.task_id) FILTER (WHERE t.status = 'RUNNING') AS running,
       count(t.task_id) FILTER (WHERE t.status IN ('FAILED', 'TIMED_OUT')) AS failed,
       string_agg(t.name, ', ' ORDER BY t.task_id) FILTER (WHERE t.status = 'RUNNING') AS now,
       coalesce(sum(t.rows), 0) AS rows,
       coalesce(r.ended_at, clock_timestamp()) - r.started_at AS elapsed
FROM olist_etl.run r
LEFT JOIN olist_etl.task t ON t.run_id = r.run_id
GROUP BY r.run_id
ORDER BY r.run_id DESC;
COMMENT ON VIEW olist_etl.progress IS
    'What each run has done and is doing, newest first';

CREATE PROCEDURE olist_etl.run(
    workflow text DEFAULT 'olist',
    input json DEFAULT '{}',
    wait boolean DEFAULT false,
    atomic boolean DEFAULT false,
    INOUT run_id bigint DEFAULT NULL,
    INOUT status text DEFAULT NULL,
    INOUT objects bigint DEFAULT NULL,
    INOUT rows bigint DEFAULT NULL,
    INOUT rejects bigint DEFAULT NULL,
    INOUT seconds numeric DEFAULT NULL)
LANGUAGE C AS 'MODULE_PATHNAME', 'olist_etl_run';
COMMENT ON PROCEDURE olist_etl.run(text, json, boolean, boolean, bigint, text, bigint, bigint, bigint, numeric) IS
    'Execute a workflow. wait: let a run of the same workflow that is going on end first; atomic: do all in the current transaction';
