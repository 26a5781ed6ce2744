# What the tests of sources share: SQL functions that read an object's bytes and
# that turn an error into a line of text, and servers with their user mappings.
#
#     use Olist::Source;
#     prepare_source($node);
#     create_server($node, 's', $s3->endpoint, $s3, part_size => '1MB');
#     is(read_object($node, 's3://b/k', 's'), '3 900150983cd24fb0d6963f7d28e17f72');
#     like(try_sql($node, 'SELECT ...'), qr/^58P01 .../);
package Olist::Source;

use strict;
use warnings;

use Exporter 'import';
use Olist;
use Test::More;

our @EXPORT = qw(resolver prepare_source create_server read_object try_sql start_sql objects);

# A library for LD_PRELOAD in which names resolve as servers/resolver.c says.
sub resolver
{
	my $library = PostgreSQL::Test::Utils::tempdir() . '/resolver.so';
	system('cc', '-shared', '-fPIC', '-o', $library, "$repository/test/servers/resolver.c", '-ldl') == 0
	  or BAIL_OUT('the resolver was not built');
	return $library;
}

# Loopback may be reached, and the functions are there.
sub prepare_source
{
	my ($node) = @_;
	$node->append_conf('postgresql.conf', "olist_etl.allowed_endpoints = '127.0.0.1'");
	$node->reload;
	$node->safe_psql(
		'postgres', q{
		-- "size md5" of all the bytes of an object
		CREATE FUNCTION read_object(uri text, server name DEFAULT NULL, etag text DEFAULT NULL,
			size bigint DEFAULT NULL, sum boolean DEFAULT true) RETURNS text
			LANGUAGE c AS 'olist_etl', 'olist_etl_test_read';

		-- "SQLSTATE message | detail | hint", or "ok" with the first value that a query gives
		CREATE FUNCTION try(query text) RETURNS text LANGUAGE plpgsql AS $$
		DECLARE
			result text;
			message text;
			detail text;
			hint text;
		BEGIN
			EXECUTE query INTO result;
			RETURN 'ok ' || coalesce(result, 'NULL');
		EXCEPTION WHEN OTHERS OR query_canceled THEN
			GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
				hint = PG_EXCEPTION_HINT;
			RETURN concat_ws(' | ', SQLSTATE || ' ' || message, detail, hint);
		END $$;
	});
	return;
}

sub _options
{
	my ($how, %option) = @_;
	return join ', ', map { (my $v = $option{$_}) =~ s/'/''/g; "$how$_ '$v'" } sort keys %option;
}

# A server at the endpoint, and for the user postgres a mapping with the keys of
# the S3 client, or none for undef. Replaces one of the same name.
sub create_server
{
	my ($node, $name, $endpoint, $s3, %option) = @_;
	my $options = _options('', endpoint => $endpoint, use_http => 'true', %option);
	my $sql = "DROP SERVER IF EXISTS $name CASCADE;
		CREATE SERVER $name FOREIGN DATA WRAPPER olist_etl OPTIONS ($options);";
	if ($s3)
	{
		my %key = (access_key_id => $s3->access_key, secret_access_key => $s3->secret_key);
		$key{session_token} = $s3->session_token if $s3->session_token;
		$sql .= "CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS ("
		  . _options('', %key) . ');';
	}
	$node->safe_psql('postgres', "SET client_min_messages = warning; $sql");
	return;
}

sub _quote
{
	my ($text) = @_;
	return 'NULL' unless defined $text;
	$text =~ s/'/''/g;
	return "'$text'";
}

# "size md5" of an object's bytes; dies of an error.
sub read_object
{
	my ($node, $uri, $server) = @_;
	return $node->safe_psql('postgres', sprintf 'SELECT read_object(%s, %s)', _quote($uri),
		_quote($server));
}

# What becomes of a query, in a session of its own: see try() above.
sub try_sql
{
	my ($node, $sql, $settings) = @_;
	return $node->safe_psql('postgres',
		($settings ? "$settings;" : '') . sprintf 'SELECT try(%s)', _quote($sql));
}

# Begins try_sql() in the background; what is returned waits for its end and
# gives its result.
sub start_sql
{
	my ($node, $sql) = @_;
	my $pid = open my $output, '-|', 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c',
	  sprintf('SELECT try(%s)', _quote($sql));
	die "psql: $!\n" unless $pid;
	return sub {
		local $/;
		my $result = <$output>;
		close $output;
		chomp $result;
		return $result;
	};
}

# The objects at a URI as lines "uri|size|etag".
sub objects
{
	my ($node, $uri, $server) = @_;
	return split /\n/, $node->safe_psql('postgres', sprintf
		'SELECT uri, size, etag FROM olist_etl.list_objects(%s, %s)', _quote($uri), _quote($server));
}

1;
