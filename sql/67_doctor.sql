/*
 * 67_doctor: is everything here that a run needs?
 */

CREATE FUNCTION olist_etl.doctor(OUT subject text, OUT status text, OUT detail text, OUT hint text)
RETURNS SETOF record
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $$
DECLARE
    installed text := (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'olist_etl');
    places integer := current_setting('max_worker_processes')::integer;
    taken bigint;
    of_others text;
    problems bigint;
    run record;
    source record;
    step record;
    job record;
BEGIN
    subject := 'extension';
    status := 'ok';
    detail := format('version %s, on PostgreSQL %s', installed, current_setting('server_version'));
    IF olist_etl.version() <> installed THEN
        status := 'failed';
        detail := format('the library is of version %s, the SQL objects of %s', olist_etl.version(), installed);
        hint := 'ALTER EXTENSION olist_etl UPDATE, or install the library of that version; then connect anew.';
    ELSIF pg_is_in_recovery() THEN
        status := 'failed';
        detail := 'this server is a standby';
        hint := 'Run on the primary.';
    END IF;
    RETURN NEXT;

    -- what has to be the caller's: schemas, tables, functions
    subject := 'privileges';
    status := 'ok';
    detail := format('role %I may execute the workflow "olist"', current_user);
    hint := NULL;
    BEGIN
        PERFORM olist_etl.check_workflow('olist');
        SELECT string_agg(DISTINCT format('%s of role %I', k.what, pg_get_userbyid(k.owner)), ', ')
          INTO of_others
          FROM (SELECT format('schema %I', n.nspname), n.nspowner FROM pg_namespace n
                 WHERE n.nspname IN ('olist_staging', 'olist_build', 'olist_dw')
                UNION ALL
                SELECT format('tables in %I', n.nspname), c.relowner
                  FROM pg_class c
                  JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname IN ('olist_staging', 'olist_build', 'olist_dw')
                   AND c.relkind IN ('r', 'p', 'v')
                   AND pg_has_role(n.nspowner, 'USAGE')) AS k (what, owner)
         WHERE NOT pg_has_role(k.owner, 'USAGE');
        IF of_others IS NOT NULL THEN
            status := 'failed';
            detail := format('role %I may not write to what there is: %s', current_user, of_others);
            hint := 'Run as a member of that role, or let its owner drop it or give it away.';
        ELSIF NOT has_database_privilege(current_database(), 'CREATE')
              AND EXISTS (SELECT FROM unnest(ARRAY['olist_staging', 'olist_build', 'olist_dw']) AS n (name)
                           WHERE to_regnamespace(n.name) IS NULL) THEN
            status := 'failed';
            detail := format('role %I may not create schemas', current_user);
            hint := format('GRANT CREATE ON DATABASE %I TO %I.', current_database(), current_user);
        ELSIF to_regnamespace('olist_staging') IS NOT NULL THEN
            PERFORM olist_etl.check_staging();
        END IF;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
        status := 'failed';
        detail := format('%s (%s)', SQLERRM, SQLSTATE);
        hint := coalesce(nullif(hint, ''), 'Grant what the README lists under "Who may do what".');
    END;
    RETURN NEXT;

    -- others' workers are seen by members of pg_read_all_stats only
    subject := 'workers';
    status := 'ok';
    SELECT count(*) INTO taken FROM pg_stat_activity a
     WHERE a.backend_type NOT IN ('client backend', 'walsender', 'walreceiver', 'startup', 'archiver',
                                  'checkpointer', 'background writer', 'walwriter', 'walsummarizer',
                                  'autovacuum launcher', 'autovacuum worker', 'slotsync worker', 'io worker');
    detail := format('%s of %s background workers are in use', taken, places);
    hint := NULL;
    IF current_setting('olist_etl.max_workers') = '0' THEN
        status := 'warning';
        detail := 'olist_etl.max_workers is 0: tasks are executed one after the other, by the session that calls run()';
    ELSIF taken >= places THEN
        status := 'warning';
        hint := 'Raise max_worker_processes (the server has to be restarted): without a free one, tasks are executed one after the other, by the session that calls run().';
    END IF;
    RETURN NEXT;

    FOR source IN
        SELECT DISTINCT ON (s.name) s.name, s.uri, s.server FROM olist_etl.source s ORDER BY s.name, s.is_default
    LOOP
        subject := format('source %s', source.name);
        BEGIN
            FOR step IN SELECT * FROM olist_etl.check_source(source.uri, source.server) LOOP
                status := step.status;
                detail := CASE step.status WHEN 'ok' THEN format('%s can be read', source.uri)
                               ELSE format('%s: %s', step.step, step.detail) END;
                hint := step.hint;
            END LOOP;
        EXCEPTION WHEN OTHERS THEN
            status := 'failed';
            detail := format('%s (%s)', SQLERRM, SQLSTATE);
            hint := 'Point it elsewhere with olist_etl.set_source().';
        END;
        IF status = 'failed' AND hint IS NULL THEN
            hint := format('SELECT * FROM olist_etl.check_source(%L, %L) shows the way to it.', source.uri, source.server);
        END IF;
        RETURN NEXT;
    END LOOP;

    subject := 'runs';
    status := 'ok';
    detail := 'there was none yet';
    hint := 'CALL olist_etl.run().';
    SELECT p.run_id, p.workflow, p.status, p.error INTO run FROM olist_etl.progress p LIMIT 1;
    IF FOUND THEN
        detail := format('run %s of workflow "%s": %s', run.run_id, run.workflow, concat_ws(', ', run.status, run.error));
        hint := NULL;
        IF run.status NOT IN ('RUNNING', 'SUCCEEDED') THEN
            status := 'warning';
            hint := CASE WHEN olist_etl.can_resume(run.run_id) THEN
                        format('See olist_etl.progress; CALL olist_etl.resume(%s) goes on.', run.run_id)
                    ELSE format('Repair what "cause" in olist_etl.progress names, and CALL olist_etl.run(%L) anew: a resumed run would come to the same end.',
                                run.workflow) END;
        END IF;
    END IF;
    RETURN NEXT;

    subject := 'tables';
    status := 'ok';
    detail := 'what the extension keeps fits together';
    hint := NULL;
    SELECT count(*) INTO problems FROM olist_etl.check() c WHERE c.subject NOT LIKE 'run %';
    IF problems > 0 THEN
        status := 'warning';
        detail := format('%s things do not fit together', problems);
        hint := 'See olist_etl.check().';
    END IF;
    RETURN NEXT;

    subject := 'schedule';
    status := 'ok';
    detail := 'nothing is scheduled';
    hint := 'olist_etl.schedule() does it, with pg_cron.';
    IF EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'pg_cron')
       AND has_schema_privilege('cron', 'USAGE') THEN
        FOR job IN
            SELECT j.jobname, j.schedule, j.active, j.command, d.status, d.return_message
              FROM cron.job j
              LEFT JOIN LATERAL (
                   SELECT r.status, r.return_message FROM cron.job_run_details r
                    WHERE r.jobid = j.jobid AND r.end_time IS NOT NULL
                    ORDER BY r.runid DESC LIMIT 1) d ON true
             WHERE j.database = current_database() AND j.command LIKE '%olist\_etl.%'
             ORDER BY j.jobname
        LOOP
            subject := format('schedule %s', job.jobname);
            status := 'warning';
            IF NOT job.active THEN
                detail := format('%s, switched off', job.schedule);
                hint := 'cron.alter_job(..., active => true) switches it on.';
            ELSIF job.command LIKE '%olist\_etl.scheduled(%'
                  AND position(olist_etl.database_identity() IN job.command) = 0 THEN
                detail := 'it was made in another database, and starts nothing';
                hint := 'Make it anew by olist_etl.schedule().';
            ELSIF job.status = 'failed' THEN
                detail := format('%s, and failed at last: %s', job.schedule, job.return_message);
                hint := CASE WHEN job.return_message ~ 'connection' THEN
                            'cron.use_background_workers = on, and a restart, need no login.'
                        ELSE 'See olist_etl.progress.' END;
            ELSE
                status := 'ok';
                detail := job.schedule;
                hint := NULL;
            END IF;
            RETURN NEXT;
        END LOOP;
    END IF;
    IF subject = 'schedule' THEN
        RETURN NEXT;
    END IF;
END
$$;
COMMENT ON FUNCTION olist_etl.doctor() IS
    'Is everything here that a run of the caller''s needs? Library, privileges, background workers, the source (goes there), the last run, the tables, and what pg_cron is to start; says of each whether it is ok, a warning or failed, and what can be done';
