{#
  Select a stream's table, its columns renamed and typed.

  Targets make no table for a stream of which no row has arrived yet, and no column for
  a field that is not selected: the view is empty then, or the column null, and dbt warns.

  columns: for each, the tap's name, the one here, and the type.
#}
{% macro stage(stream, columns) %}
{%- set relation = load_relation(source('targetads', stream)) -%}
{%- set present = [] -%}
{%- if relation is not none -%}
    {%- set present = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
{%- endif -%}
{%- set absent = columns | map(attribute=0) | reject('in', present) | list -%}
{%- if execute and relation is none -%}
    {%- do exceptions.warn("There is no table " ~ source('targetads', stream) ~ ": " ~ this.name ~ " is empty.") -%}
{%- elif execute and absent -%}
    {%- do exceptions.warn("The table " ~ source('targetads', stream) ~ " lacks " ~ absent | join(', ') ~ ": null in " ~ this.name ~ ".") -%}
{%- endif -%}
select
{%- for name, renamed, type in columns %}
    {% if name not in present -%}
    cast(null as {{ type }})
    {%- elif type == 'timestamp' -%}
    {{ utc_timestamp(adapter.quote(name)) }}
    {%- else -%}
    cast({{ adapter.quote(name) }} as {{ type }})
    {%- endif %} as {{ renamed }}{{ ',' if not loop.last }}
{%- endfor %}
{% if relation is none -%}
where false
{%- else -%}
from {{ relation }}
{%- endif %}
{% endmacro %}


{# A time as a timestamp without a zone, in UTC. #}
{% macro utc_timestamp(column) %}
    {{- return(adapter.dispatch('utc_timestamp')(column)) -}}
{% endmacro %}

{# In PostgreSQL, the target has written UTC into columns without a zone. #}
{% macro default__utc_timestamp(column) -%}
cast({{ column }} as timestamp)
{%- endmacro %}

{% macro duckdb__utc_timestamp(column) -%}
cast({{ column }} at time zone 'UTC' as timestamp)
{%- endmacro %}


{# The columns that all streams of interactions share. #}
{% macro stage_interactions(stream) %}
{{- stage(stream, [
    ('_row_key', 'row_key', 'text'),
    ('project_id', 'project_id', 'bigint'),
    ('InteractionTime', 'interaction_at', 'timestamp'),
    ('InteractionDate', 'interaction_date', 'date'),
    ('InteractionType', 'interaction_type', 'text'),
    ('InteractionDeviceID', 'device_id', 'text'),
    ('InteractionNewCookie', 'is_new_device', 'boolean'),
    ('InteractionDomain', 'domain', 'text'),
    ('InteractionUrlPath', 'url_path', 'text'),
    ('InteractionUtmSource', 'utm_source', 'text'),
    ('InteractionUtmMedium', 'utm_medium', 'text'),
    ('InteractionUtmCampaign', 'utm_campaign', 'text'),
    ('InteractionMediaCampaignName', 'media_campaign_name', 'text'),
    ('InteractionPlacementId', 'placement_id', 'bigint'),
    ('InteractionCreativeId', 'creative_id', 'text'),
    ('InteractionEcomId', 'order_id', 'text'),
    ('InteractionEcomAmount', 'order_amount', 'float8'),
    ('InteractionEcomItemsName', 'item_name', 'text'),
    ('InteractionEcomItemsPrice', 'item_price', 'float8'),
]) -}}
{% endmacro %}
