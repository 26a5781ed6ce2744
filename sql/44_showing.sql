/*
 * 44_showing: what objects have shown of products and sellers, observed again.
 *
 * A version in the warehouse is what an object was the first to show. That others
 * have shown it, too, is known from product_mention and seller_mention, and what
 * others have shown at the same time and did not count stands in the rejects. All
 * that counts again when a batch brings something that is not later, or takes an
 * object's showings out.
 *
 *     versions ────────────────────────────► prior_dim_seller ─┐
 *     mentions ─► at the object's time the version in force ───┼─► build_dim_seller()
 *     rejects ─────────────────────────────► prior_sellers ────┘
 */

CREATE FUNCTION olist_etl.first_staged(entity text) RETURNS timestamp
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT min(l.last_modified) AT TIME ZONE 'UTC'
    FROM olist_etl.staged s
    JOIN olist_etl.ledger l USING (object_id)
    WHERE l.entity = first_staged.entity
      AND l.is_current
$$;
COMMENT ON FUNCTION olist_etl.first_staged(text) IS
    'The source time (UTC) of the first staged object of an entity';

CREATE FUNCTION olist_etl.showing_objects(
    entity text, since timestamp, OUT object_id bigint, OUT modified timestamp)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT l.object_id, l.last_modified AT TIME ZONE 'UTC'
    FROM olist_etl.ledger l
    WHERE l.entity = showing_objects.entity
      AND l.last_modified >= since AT TIME ZONE 'UTC'
      AND l.published_at IS NOT NULL
      AND EXISTS (SELECT FROM olist_etl.ledger c
                  WHERE c.target = l.target
                    AND c.uri = l.uri
                    AND c.is_current)
$$;
COMMENT ON FUNCTION olist_etl.showing_objects(text, timestamp) IS
    'Published objects of an entity, in all their versions, that are not older at the source than a time (UTC); with their source time';

/*
 * For a batch after which what objects have shown of products or sellers counts
 * again: olist_build.prior_sellers, the rows that may not be overruled any more,
 * and olist_build.shown_seller, who has shown which version. Without such a batch
 * the tables are not made.
 */
CREATE FUNCTION olist_etl.merge_showings(member text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    entity text := member || 's';
    forgets boolean := EXISTS (SELECT FROM olist_build.withdrawn WHERE is_forgotten);
    since timestamp := CASE WHEN forgets THEN '-infinity' ELSE olist_etl.first_staged(entity) END;
    members text[];
BEGIN
    IF since IS NULL
       OR NOT EXISTS (SELECT FROM olist_etl.showing_objects(entity, since)) AND NOT forgets THEN
        RETURN;
    END IF;
    EXECUTE format('SELECT array_agg(DISTINCT m.id)
                    FROM (SELECT d.%1$s_id
                          FROM olist_build.withdrawn w
                          JOIN olist_dw.%1$s_mention m ON m._object_id = w._object_id
                          CROSS JOIN LATERAL unnest(m.members) AS r
                          CROSS JOIN LATERAL generate_series(lower(r), upper(r) - 1) AS k
                          JOIN olist_dw.dim_%1$s d ON d.%1$s_key = k
                          WHERE w.is_forgotten
                          UNION ALL
                          SELECT %1$s_id FROM olist_staging.%1$ss) AS m (id)',
                   member) INTO members;
    EXECUTE format('CREATE TABLE olist_build.prior_%1$ss (LIKE olist_staging.%1$ss)', member);
    PERFORM olist_etl.merge_waiting(entity, members);
    -- a mention is a long value, to be read once
    EXECUTE format('CREATE TABLE olist_build.shown_%1$s AS
                    WITH touched AS MATERIALIZED (
                        SELECT f.%1$s_id, f.%1$s_key AS member
                        FROM (SELECT %1$s_id FROM olist_build.prior_%1$ss
                              UNION
                              SELECT %1$s_id FROM olist_staging.%1$ss
                              UNION
                              SELECT d.%1$s_id
                              FROM olist_build.withdrawn w
                              JOIN olist_dw.dim_%1$s d ON d._object_id = w._object_id
                              WHERE w.is_forgotten) AS named
                        JOIN olist_dw.dim_%1$s f USING (%1$s_id)
                        WHERE f.version = 1
                    ), mentioned AS (
                        SELECT m._object_id, o.modified, member
                        FROM olist_dw.%1$s_mention m
                        JOIN olist_etl.showing_objects(%2$L, ''-infinity'') o
                            ON o.object_id = m._object_id
                        CROSS JOIN (SELECT range_agg(int8range(member, member + 1)) AS members
                                    FROM touched) AS t
                        CROSS JOIN LATERAL unnest(m.members * t.members) AS r
                        CROSS JOIN LATERAL generate_series(lower(r), upper(r) - 1) AS member
                        WHERE NOT EXISTS (SELECT FROM olist_build.withdrawn w
                                          WHERE w._object_id = m._object_id AND w.is_forgotten)
                    )
                    SELECT v.%1$s_key, m._object_id
                    FROM mentioned m
                    JOIN touched USING (member)
                    JOIN olist_dw.dim_%1$s v USING (%1$s_id)
                    WHERE m.modified >= v.valid_from
                      AND m.modified < v.valid_to
                      AND NOT v.is_inferred
                      AND m._object_id IS DISTINCT FROM v._object_id',
                   member, entity);
    -- a mention goes with its object, or is made anew
    IF to_regclass('olist_build.prior_mention') IS NULL THEN
        CREATE TABLE olist_build.prior_mention AS
        SELECT _object_id FROM olist_build.withdrawn WHERE is_forgotten
        UNION
        SELECT object_id FROM olist_build.batch;
    END IF;
END
$$;
COMMENT ON FUNCTION olist_etl.merge_showings(text) IS
    'Part of build_batch(): what other objects have shown of the products or sellers that the batch shows, or takes out';

/* whom rows tell of that were overruled is touched, too; a showing is a version without a key */
CREATE FUNCTION olist_etl.merge_shown(member text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    attributes text;
BEGIN
    IF to_regclass(format('olist_build.shown_%s', member)) IS NULL THEN
        RETURN;
    END IF;
    attributes := olist_etl.member_attributes(member);
    EXECUTE format('INSERT INTO olist_build.prior_dim_%1$s
                        (%1$s_key, %2$s, _object_id, _line, is_inferred)
                    SELECT %1$s_key, %2$s, _object_id, _line, is_inferred
                    FROM (SELECT DISTINCT %1$s_id FROM olist_build.prior_%1$ss) AS touched
                    JOIN olist_dw.dim_%1$s d USING (%1$s_id)
                    WHERE NOT EXISTS (SELECT FROM olist_build.prior_dim_%1$s p
                                      WHERE p.%1$s_key = d.%1$s_key)
                    UNION ALL
                    SELECT NULL, %2$s, s._object_id, NULL, false
                    FROM olist_build.shown_%1$s s
                    JOIN olist_dw.dim_%1$s d USING (%1$s_key)', member, attributes);
    IF member = 'seller' THEN
        PERFORM olist_etl.merge_keep('dim_geography', 'zip_code_prefix', 'zip_code_prefix',
                                     'SELECT DISTINCT seller_zip_code_prefix
                                      FROM olist_build.prior_sellers');
    END IF;
END
$$;
COMMENT ON FUNCTION olist_etl.merge_shown(text) IS
    'Part of build_batch(): those showings, as observations of products or sellers';
