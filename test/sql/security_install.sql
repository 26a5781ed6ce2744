-- T1 to T3: nobody who could not install the extension can slip something in.
\set SHOW_CONTEXT never
CREATE ROLE regress_olist_p;
CREATE DATABASE regress_olist_install;
\set before :DBNAME
\c regress_olist_install
GRANT CREATE ON DATABASE regress_olist_install TO regress_olist_p;

-- T1: a schema that another role created beforehand is refused, nothing adopted
SET ROLE regress_olist_p;
CREATE SCHEMA olist_etl;
CREATE TABLE olist_etl.ledger (trap text);
RESET ROLE;
CREATE EXTENSION olist_etl;
SELECT count(*) AS members FROM pg_depend WHERE refclassid = 'pg_extension'::regclass
  AND deptype = 'e' AND classid = 'pg_class'::regclass;
DROP SCHEMA olist_etl CASCADE;

-- T1: nor one of our own that somebody else was allowed to fill
CREATE SCHEMA olist_etl;
GRANT CREATE ON SCHEMA olist_etl TO regress_olist_p;
SET ROLE regress_olist_p;
CREATE FUNCTION olist_etl.load() RETURNS int LANGUAGE sql AS 'SELECT 1';
RESET ROLE;
CREATE EXTENSION olist_etl;
DROP SCHEMA olist_etl CASCADE;

-- T2: better-matching operators on the path are not called by the install script
CREATE SCHEMA trap AUTHORIZATION regress_olist_p;
SET ROLE regress_olist_p;
CREATE TABLE trap.canary (who name);
CREATE FUNCTION trap.bite(a oid, b oid) RETURNS boolean LANGUAGE plpgsql AS
  $$BEGIN INSERT INTO trap.canary VALUES (current_user); RETURN a::text = b::text; END$$;
CREATE FUNCTION trap.bite(a name, b text) RETURNS boolean LANGUAGE plpgsql AS
  $$BEGIN INSERT INTO trap.canary VALUES (current_user); RETURN a::text OPERATOR(pg_catalog.=) b; END$$;
CREATE OPERATOR trap.= (FUNCTION = trap.bite, LEFTARG = oid, RIGHTARG = oid);
CREATE OPERATOR trap.<> (FUNCTION = trap.bite, LEFTARG = oid, RIGHTARG = oid);
CREATE OPERATOR trap.= (FUNCTION = trap.bite, LEFTARG = name, RIGHTARG = text);
CREATE FUNCTION trap.format(text, name) RETURNS text LANGUAGE plpgsql AS
  $$BEGIN INSERT INTO trap.canary VALUES (current_user); RETURN $1; END$$;
RESET ROLE;
SET search_path = trap, public;
CREATE EXTENSION olist_etl;
SELECT count(*) AS bites FROM trap.canary;
RESET search_path;
DROP EXTENSION olist_etl;
DROP SCHEMA IF EXISTS olist_etl;

-- T3: one schema only
CREATE EXTENSION olist_etl SCHEMA pg_temp;
CREATE SCHEMA "olist""; --";
CREATE EXTENSION olist_etl SCHEMA "olist""; --";
CREATE EXTENSION olist_etl;
ALTER EXTENSION olist_etl SET SCHEMA public;

-- T37: a library of another version than the SQL objects says so at its first call
UPDATE pg_extension SET extversion = '0.0' WHERE extname = 'olist_etl';
\c
LOAD 'olist_etl';
SELECT olist_etl.version();

\c :before
DROP DATABASE regress_olist_install;
DROP ROLE regress_olist_p;
