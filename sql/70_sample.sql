/*
 * 70_sample: a data set for whoever has none.
 */

CREATE FUNCTION olist_etl.generate_sample(
    directory text,
    scale double precision DEFAULT 0.01,
    seed bigint DEFAULT 1,
    compress text DEFAULT 'none',
    split text DEFAULT 'none',
    overwrite boolean DEFAULT false
) RETURNS TABLE (file text, rows bigint, bytes bigint)
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'olist_etl_generate_sample';
COMMENT ON FUNCTION olist_etl.generate_sample(text, double precision, bigint, text, text, boolean) IS
    'Write the nine Olist files with generated contents into a directory of the server, the same for the same scale and seed. Scale 1 is the size of the real data set. compress: none or gzip; split: none or month';
