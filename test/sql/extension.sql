-- The extension installs, and everything it shows to users is explained.
SELECT extname FROM pg_extension WHERE extname = 'olist_etl';

-- every public object has a comment
SELECT pg_describe_object(classid, objid, 0) AS uncommented
FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'olist_etl')
  AND obj_description(objid, classid::regclass::name) IS NULL
  AND NOT (classid = 'pg_type'::regclass)
  AND NOT (classid = 'pg_class'::regclass
           AND objid IN (SELECT oid FROM pg_class WHERE relkind = 'S'))
ORDER BY 1;
