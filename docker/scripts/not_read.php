<?php
// Answers without reading the content of the request.
header('Content-Type: text/plain');
echo "not read\n";
