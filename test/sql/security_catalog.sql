-- T4, T39: what the catalog says about the extension's functions.
CREATE TEMP VIEW member AS
SELECT p.oid, p.proname, p.prosecdef, p.proconfig, p.proargtypes, p.prokind
FROM pg_proc p
JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'olist_etl');

-- T4: no SECURITY DEFINER function without a search_path, no such procedure at all
SELECT oid::regprocedure FROM member
WHERE prosecdef AND (prokind = 'p' OR proconfig IS NULL
                     OR NOT array_to_string(proconfig, ',') LIKE '%search_path=%');

-- T39: PUBLIC may execute pure helpers only, and none may be handed an "internal"
SELECT oid::regprocedure FROM member
WHERE has_function_privilege('public', oid, 'EXECUTE') ORDER BY oid::regprocedure::text;
SELECT oid::regprocedure FROM member
WHERE 'internal'::regtype::oid = ANY (proargtypes::oid[]);

-- T7: nobody but the owner may write to the extension's tables
SELECT c.oid::regclass, a.privilege_type
FROM pg_class c
JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid,
LATERAL aclexplode(c.relacl) a
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'olist_etl')
  AND a.grantee <> c.relowner AND a.privilege_type <> 'SELECT';

DROP VIEW member;
