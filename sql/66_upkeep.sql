/*
 * 66_upkeep: what is kept, and for how long.
 */

CREATE PROCEDURE olist_etl.clean_up(
    INOUT runs bigint DEFAULT NULL,
    INOUT events bigint DEFAULT NULL,
    INOUT rejects bigint DEFAULT NULL,
    INOUT drift bigint DEFAULT NULL)
LANGUAGE C AS 'MODULE_PATHNAME', 'olist_etl_clean_up';
COMMENT ON PROCEDURE olist_etl.clean_up(bigint, bigint, bigint, bigint) IS
    'Delete what is older than olist_etl.keep_runs, keep_events and keep_rejects allow: runs with all that belongs to them, the history of runs that succeeded, rejects and drift of replaced objects. Gives the numbers of rows. The ledger stays, and so does each workflow''s last run';

CREATE FUNCTION olist_etl.check()
RETURNS TABLE (subject text, problem text, hint text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('ledger %s', l.object_id), format('its table %s does not exist', l.target),
           'The next run loads the object again.'
      FROM olist_etl.ledger l
     WHERE l.is_current AND to_regclass(l.target) IS NULL
    UNION ALL
    SELECT format('ledger %s', l.object_id), format('it was replaced by %s, which is not there', l.superseded_by),
           'Somebody has deleted lines of the ledger.'
      FROM olist_etl.ledger l
     WHERE l.superseded_by IS NOT NULL
       AND NOT EXISTS (SELECT FROM olist_etl.ledger n WHERE n.object_id = l.superseded_by)
    UNION ALL
    SELECT format('%s of object %s', k.kind, k.object_id), 'the ledger has no such object', 'Delete it.'
      FROM (SELECT 'staged', s.object_id FROM olist_etl.staged s
             UNION SELECT 'reject', r.object_id FROM olist_etl.reject r
             UNION SELECT 'drift', d.object_id FROM olist_etl.drift d) AS k (kind, object_id)
     WHERE NOT EXISTS (SELECT FROM olist_etl.ledger l WHERE l.object_id = k.object_id)
    UNION ALL
    SELECT format('%s of run %s', k.kind, k.run_id), 'there is no such run', 'Delete it.'
      FROM (SELECT 'task', t.run_id FROM olist_etl.task t
             UNION SELECT 'event', e.run_id FROM olist_etl.event e
             UNION SELECT 'check_result', c.run_id FROM olist_etl.check_result c) AS k (kind, run_id)
     WHERE NOT EXISTS (SELECT FROM olist_etl.run r WHERE r.run_id = k.run_id)
    UNION ALL
    SELECT format('run %s', r.run_id), format('workflow "%s" has no version %s', r.workflow, r.version),
           'It can neither be resumed nor drawn.'
      FROM olist_etl.run r
     WHERE NOT EXISTS (SELECT FROM olist_etl.workflow w WHERE w.name = r.workflow AND w.version = r.version)
    UNION ALL
    SELECT format('run %s', p.run_id), 'its session is gone',
           format('CALL olist_etl.run(%L) or olist_etl.resume(%s) goes on.', p.workflow, p.run_id)
      FROM olist_etl.progress p
     WHERE p.status = 'INTERRUPTED'
    UNION ALL
    SELECT k.subject, format('its owner, role "%s", does not exist', k.owner), k.hint
      FROM (SELECT format('workflow "%s"', w.name), w.owner, 'Only superusers can run or drop it.'
              FROM olist_etl.workflow w WHERE NOT w.builtin
             UNION SELECT format('run %s', r.run_id), r.owner, 'Only superusers see it.' FROM olist_etl.run r
             UNION SELECT format('check_rule "%s"', c.name), c.owner, 'It is not executed: make it yours by an UPDATE.'
              FROM olist_etl.check_rule c WHERE NOT c.is_default) AS k (subject, owner, hint)
     WHERE NOT EXISTS (SELECT FROM pg_roles o WHERE o.rolname = k.owner)
    UNION ALL
    SELECT format('source "%s"', s.name), format('its server "%s" does not exist', s.server),
           'Point it somewhere with olist_etl.set_source().'
      FROM olist_etl.source s
     WHERE s.server IS NOT NULL
       AND NOT EXISTS (SELECT FROM pg_foreign_server f WHERE f.srvname = s.server)
     ORDER BY 1, 2
$$;
COMMENT ON FUNCTION olist_etl.check() IS
    'What does not fit together in the extension''s tables, as after rows were edited or deleted by hand; no row if all is well';
