<?php
// Answers with the value of `value`, from the query string or a form, and the name of the pool.
$value = isset($_REQUEST['value']) ? $_REQUEST['value'] : '';

header('Content-Type: text/plain');
header('X-Pool: ' . getenv('POOL'));
echo $value, ' - ', getenv('POOL'), "\n";
