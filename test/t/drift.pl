# Files change their columns: a new one is noted and ignored, a missing optional
# one is NULL, a type that changed gives rejects, and a missing key stops the run
# before anything is published. Whoever calls run() is told.
use strict;
use warnings;

use Olist;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = olist_cluster('main');
my $dir = PostgreSQL::Test::Utils::tempdir;

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

# status and what was told
sub run
{
	my (undef, undef, $error) = $node->psql('postgres', 'CALL olist_etl.run()');
	return (sql('SELECT status FROM olist_etl.run ORDER BY run_id DESC LIMIT 1'), $error);
}

sql("SELECT olist_etl.generate_sample('$dir', 0.01, 3); SELECT olist_etl.set_source('$dir')");
my ($status) = run();
is($status, 'SUCCEEDED', 'all is well at first');
my $orders = sql('SELECT count(*) FROM olist_dw.fact_order');

# a new column, and no estimates any more
append_to_file("$dir/olist_orders_dataset_2.csv",
	"order_status,order_id,channel,customer_id,order_purchase_timestamp\n"
	  . "delivered,new1,app,nobody,2018-08-01 10:00:00\n");
($status, my $told) = run();
is($status, 'SUCCEEDED', 'a file with other columns is loaded');
like($told, qr/NOTICE:  object ".*_2\.csv" has 1 columns that are not known, and lacks 4 optional ones: see olist_etl\.drift$/m,
	'... and told of');
is(sql(q{SELECT string_agg(kind || ' ' || column_name, ', ' ORDER BY kind, column_name COLLATE "C") FROM olist_etl.drift}),
	'extra channel, missing order_approved_at, missing order_delivered_carrier_date, '
	  . 'missing order_delivered_customer_date, missing order_estimated_delivery_date', '... column by column');
is(sql(q{SELECT estimated_at IS NULL, estimated_date_key, purchased_at FROM olist_dw.fact_order WHERE order_id = 'new1'}),
	't|-1|2018-08-01 10:00:00', '... what is missing is NULL');

# a column of another type: of 20 rows one cannot be read
append_to_file("$dir/olist_order_payments_dataset_2.csv",
	"order_id,payment_sequential,payment_type,payment_installments,payment_value\n"
	  . join('', map { "new1,$_,voucher,1," . ($_ == 7 ? 'ten' : '1.00') . "\n" } 1 .. 20));
($status) = run();
is($status, 'SUCCEEDED', 'a value of another type does not stop the run');
is(sql(q{SELECT line, column_name, sqlstate FROM olist_etl.reject WHERE reason = 'invalid'}), '8|payment_value|22P02',
	'... its row is rejected');
is(sql(q{SELECT payment_count, payment_total FROM olist_dw.fact_order WHERE order_id = 'new1'}), '19|19.00', '... the others are not');

# a file without its key
append_to_file("$dir/olist_orders_dataset_3.csv", "order_status,customer_id,order_purchase_timestamp\ndelivered,x,2018-08-01 10:00:00\n");
($status, $told) = run();
is($status, 'FAILED', 'a missing key stops the run');
is(sql(q{SELECT error, cause ~ 'has no column "order_id"' FROM olist_etl.run ORDER BY run_id DESC LIMIT 1}),
	'SQLSTATE.42703|t', '... which says what is missing');
is(sql('SELECT count(*) FROM olist_dw.fact_order'), $orders + 1, '... and the warehouse is as it was');
unlink "$dir/olist_orders_dataset_3.csv";
($status) = run();
is($status, 'SUCCEEDED', 'without that file the next run goes on');

$node->stop;
done_testing();
