COMMENT ON SCHEMA olist_etl IS
    'olist_etl: loading, transforming and orchestrating the Olist e-commerce data';
