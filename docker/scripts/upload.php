<?php
// Lists what a form brought, a line for each field and file, names and values in URL encoding:
//   field title=Two%20words
//   file image name=a%22b.png type=image/png size=70 error=0 sha1=...
// A field or file of an array has its key in the name: "file images[0] name=...".
function field($name, $value)
{
    if (is_array($value)) {
        foreach ($value as $key => $item) {
            field($name . '[' . $key . ']', $item);
        }
        return;
    }
    echo 'field ', rawurlencode($name), '=', rawurlencode($value), "\n";
}

function upload($field, $name, $type, $size, $error, $path)
{
    if (is_array($name)) {
        foreach ($name as $key => $item) {
            upload($field . '[' . $key . ']', $item, $type[$key], $size[$key], $error[$key], $path[$key]);
        }
        return;
    }
    echo 'file ', rawurlencode($field), ' name=', rawurlencode($name), ' type=', $type, ' size=', $size,
        ' error=', $error, ' sha1=', $error === 0 ? sha1_file($path) : '-', "\n";
}

header('Content-Type: text/plain');
foreach ($_POST as $name => $value) {
    field($name, $value);
}
foreach ($_FILES as $field => $file) {
    upload($field, $file['name'], $file['type'], $file['size'], $file['error'], $file['tmp_name']);
}
